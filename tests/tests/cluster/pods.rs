//! What a user makes of the pods and of the Service.

use serde_json::json;

use crate::stage::Stage;

#[tokio::test]
async fn what_is_laid_over_the_pods_runs_under_the_restricted_profile() {
    let stage = Stage::open("template").await;
    stage.kubectl.run(["create", "serviceaccount", "mine"]).await.unwrap();
    let first =
        json!({"name": "first", "image": kivi_cluster::PROBE_IMAGE, "args": ["scan", "127.0.0.1", "1-1"]});
    let server = json!({
        "name": "server",
        "env": [{"name": "NOTE", "value": "mine"}],
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    });
    let template = json!({"spec": {
        "initContainers": [first], "containers": [server], "volumes": [{"name": "scratch", "emptyDir": {}}],
        "terminationGracePeriodSeconds": 70,
    }});
    let spec = json!({"pod": {"serviceAccount": {"name": "mine"}, "template": template}});
    drop(stage.ready_store("orders", &spec.to_string()).await);
    let pod = stage.kubectl.get("pod", "orders-0").await.unwrap()["spec"].take();
    assert_eq!(
        (&pod["serviceAccountName"], &pod["terminationGracePeriodSeconds"]),
        (&json!("mine"), &json!(70))
    );
    assert_eq!(pod["initContainers"][0]["name"], "sidecar");
    let set = stage.kubectl.get("statefulset", "orders").await.unwrap();
    stage.kubectl.get("serviceaccount", "orders").await.expect_err("nobody asks for it");

    // What was laid over goes with the spec that laid it, and at rest nothing was written.
    assert_eq!(set["metadata"]["generation"], 1, "{set}");
    stage.apply_store("orders", "{stopped: true}").await.unwrap();
    stage.kubectl.wait("create", "serviceaccount/orders", "20s").await.unwrap();
    let gone = "jsonpath={.spec.template.spec.terminationGracePeriodSeconds}=60";
    stage.kubectl.wait(gone, "statefulset/orders", "20s").await.unwrap();
    let pod = stage.kubectl.get("statefulset", "orders").await.unwrap()["spec"]["template"]["spec"].take();
    assert_eq!(pod["initContainers"].as_array().unwrap().len(), 1, "{pod}");
    assert!(!pod["containers"].to_string().contains("scratch"), "{pod}");
}

#[tokio::test]
async fn a_node_port_that_the_cluster_chose_stays() {
    let stage = Stage::open("nodeport").await;
    let port = async || {
        let service = stage.kubectl.get("service", "orders").await.unwrap();
        service["spec"]["ports"][0]["nodePort"].as_i64().unwrap()
    };
    stage.apply_store("orders", "{stopped: true, service: {type: NodePort}}").await.unwrap();
    stage.kubectl.wait("create", "service/orders", "20s").await.unwrap();
    let chosen = port().await;
    let local = "{stopped: true, service: {type: NodePort, externalTrafficPolicy: Local, labels: {team: a}}}";
    stage.apply_store("orders", local).await.unwrap();
    stage
        .kubectl
        .wait("jsonpath={.spec.externalTrafficPolicy}=Local", "service/orders", "20s")
        .await
        .unwrap();
    assert_eq!(port().await, chosen);
    // And back: what only a NodePort may have goes.
    stage.apply_store("orders", "{stopped: true}").await.unwrap();
    stage.kubectl.wait("jsonpath={.spec.type}=ClusterIP", "service/orders", "20s").await.unwrap();
}
