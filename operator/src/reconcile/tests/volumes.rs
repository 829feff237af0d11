//! A store and the claims of its volumes.

use serde_json::{Value, json};

use super::*;

pub(super) const CLAIM: &str = "/api/v1/namespaces/shop/persistentvolumeclaims/log-orders-0";

/// A claim as the StatefulSet's controller makes it, with its volume.
pub(super) fn bound_claim() -> Value {
    json!({
        "metadata": {
            "name": "log-orders-0", "namespace": "shop", "resourceVersion": "5",
            "labels": kivi_crds::labels::selector("orders"),
        },
        "spec": {"resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}},
    })
}

pub(super) fn template_size(server: &Server) -> Option<String> {
    let objects = server.objects.lock();
    let set = objects.get("/apis/apps/v1/namespaces/shop/statefulsets/orders")?;
    let claim = &set["spec"]["volumeClaimTemplates"][0];
    claim["spec"]["resources"]["requests"]["storage"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_volume_grows_by_its_claim_first_and_then_by_a_statefulset_made_anew() {
    let server = Server::default();
    let context = server.context();
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    server.objects.lock().insert(CLAIM.to_owned(), bound_claim());
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    server.writes();

    let spec = "{log: {file: {size: 2Gi}}}";
    reconcile(server.store(spec), context.clone()).await.unwrap();
    assert_eq!(
        server.writes(),
        ["log-orders-0 persistentvolumeclaims", "orders statefulsets", "status orders"]
    );
    assert_eq!(server.objects.lock()[CLAIM]["spec"]["resources"]["requests"]["storage"], "2Gi");
    assert_eq!(template_size(&server), None, "it is gone, and its pods are not asked");

    // Here the operator may have been killed: the next reconcile knows nothing of the last.
    reconcile(server.store(spec), server.context()).await.unwrap();
    assert_eq!(template_size(&server).as_deref(), Some("2Gi"));
    server.writes();
    reconcile(server.store(spec), context).await.unwrap();
    let again = server.writes();
    assert!(
        !again.iter().any(|write| write.contains("persistentvolumeclaims") || write.starts_with("status")),
        "{again:?}"
    );
    assert_eq!(template_size(&server).as_deref(), Some("2Gi"));
}

#[tokio::test]
async fn a_claim_that_may_not_grow_keeps_nothing_else_from_being_done() {
    let mut server = Server::default();
    reconcile(server.store("{}"), server.context()).await.unwrap();
    server.objects.lock().insert(CLAIM.to_owned(), bound_claim());
    server.refused = Some("persistentvolumeclaims");
    server.writes();
    // Stopped, so that no missing pod is looked after.
    let spec = "{stopped: true, log: {file: {size: 2Gi}}, service: {port: 8443}, tls: {disabled: {}}}";
    let action = reconcile(server.store(spec), server.context()).await.unwrap();
    assert_eq!(action, Action::requeue(Duration::from_secs(300)), "a class that changes tells nobody");
    assert_eq!(template_size(&server).as_deref(), Some("1Gi"), "the next claim would be refused too");
    let service = server.objects.lock()["/api/v1/namespaces/shop/services/orders"].clone();
    assert_eq!(service["spec"]["ports"][0]["port"], 8443);
    let Ok(store) = &server.store(spec).0 else { panic!("the store is sound") };
    let conditions = &store.status.as_ref().unwrap().conditions;
    let degraded = conditions.iter().find(|condition| condition.type_ == "Degraded").unwrap();
    assert_eq!((degraded.status.as_str(), degraded.reason.as_str()), ("True", "ResizeRefused"));
    assert!(degraded.message.contains("it is wrong (422)"), "{}", degraded.message);
}

#[tokio::test]
async fn a_statefulset_that_could_not_be_made_anew_is_not_taken_away() {
    let server = Server::default();
    let mut context = Arc::into_inner(server.context()).unwrap();
    let with = context.catalog.borrow().with("{9.0.0: {server: 'next:1', sidecar: 'next:2'}}").unwrap();
    context.catalog = watch::channel(with).1;
    reconcile(server.store("{version: 9.0.0}"), Arc::new(context)).await.unwrap();
    server.objects.lock().insert(CLAIM.to_owned(), bound_claim());
    // The version leaves the catalog; what runs runs on with the images that its StatefulSet names.
    let spec = "{version: 9.0.0, log: {file: {size: 2Gi}}}";
    reconcile(server.store(spec), server.context()).await.unwrap();
    assert_eq!(server.objects.lock()[CLAIM]["spec"]["resources"]["requests"]["storage"], "2Gi");
    assert_eq!(template_size(&server).as_deref(), Some("1Gi"));
}

#[tokio::test]
async fn a_volume_grows_though_the_store_cannot_be_built() {
    let server = Server::default();
    let context = server.context();
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    server.objects.lock().insert(CLAIM.to_owned(), bound_claim());
    let spec = "{log: {file: {size: 2Gi}}, tls: {secretRef: {name: mine}}}";
    reconcile(server.store(spec), context).await.unwrap_err();
    assert_eq!(server.objects.lock()[CLAIM]["spec"]["resources"]["requests"]["storage"], "2Gi");
    assert_eq!(template_size(&server).as_deref(), Some("1Gi"), "what cannot be made anew is not taken away");
}

#[tokio::test]
async fn a_claim_says_whose_it_is_and_one_that_is_anothers_is_not_touched() {
    let server = Server::default();
    let context = server.context();
    server.objects.lock().insert(CLAIM.to_owned(), bound_claim());
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    assert_eq!(server.objects.lock()[CLAIM]["metadata"]["annotations"]["kivi.dev/store"], "shop/orders");
    server.writes();
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    assert!(
        !server.writes().iter().any(|write| write.contains("persistentvolumeclaims")),
        "it says so already"
    );

    let server = Server::default();
    let mut foreign = bound_claim();
    foreign["metadata"]["annotations"] = json!({"kivi.dev/store": "staging/orders"});
    server.objects.lock().insert(CLAIM.to_owned(), foreign);
    let spec = "{log: {file: {size: 2Gi}}}";
    let error = reconcile(server.store(spec), server.context()).await.unwrap_err();
    assert_eq!(
        (error.reason(), server.writes().as_slice()),
        ("VolumeForeign", &["status orders".to_owned()][..])
    );
    assert!(error.to_string().contains("store staging/orders. Rename"), "{error}");
    let again = error_policy(server.store(spec), &error, server.context());
    assert_ne!(again, Action::await_change(), "a claim without labels is not watched");
}

/// A StatefulSet replaces a pod whose template changed; Kubernetes then deletes the claim that waited for the pod's end.
#[tokio::test]
async fn no_pod_is_replaced_whose_volume_would_go_with_it() {
    let server = Server::default();
    let context = server.context();
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let mut claim = bound_claim();
    claim["metadata"]["deletionTimestamp"] = json!("2026-11-22T10:00:00Z");
    server.put(CLAIM, claim);
    server.writes();
    let changed = "{limits: {keyBytes: 7}}";
    reconcile(server.store(changed), context.clone()).await.unwrap();
    assert!(!server.writes().contains(&"orders statefulsets".to_owned()));
    let Ok(store) = &server.store(changed).0 else { panic!("the store is sound") };
    let status = store.status.as_ref().unwrap();
    let said = |type_: &str| {
        let condition = status.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
        (condition.status.clone(), condition.reason.clone())
    };
    let pair = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    assert_eq!(said("StorageReady"), pair("False", "VolumeTerminating"));
    assert_eq!(said("Degraded"), pair("True", "VolumeTerminating"));
    assert_eq!(said("Progressing"), pair("True", "RolloutHeld"));

    // Somebody deleted the pod.
    server.objects.lock().remove(CLAIM);
    reconcile(server.store(changed), context).await.unwrap();
    assert!(server.writes().contains(&"orders statefulsets".to_owned()));
}
