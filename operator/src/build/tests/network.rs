//! Who reaches a store, and by which ways.

use serde_json::{Value, json};

use super::replicated;
use crate::build::{build, disruption_budget, http_route, service_monitor};
use crate::dereferenced::Dereferenced;
use crate::foreign::ForeignKind;
use crate::test_support::{children, store, validated};

fn policy(spec: &str) -> Value {
    let policy = children(spec).2.network_policy;
    serde_json::to_value(policy.unwrap()).unwrap()["spec"].clone()
}

fn knowing(kinds: &[ForeignKind]) -> Dereferenced {
    Dereferenced { foreign_kinds: kinds.to_vec(), ..Dereferenced::default() }
}

#[test]
fn a_network_policy_lets_in_whom_the_spec_names_and_no_one_else() {
    assert_eq!(children("{networkPolicy: {from: [{podSelector: {}}]}}").2.network_policy, None);
    let prometheus =
        "{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: {app: prometheus}}}";
    let spec = format!(
        "{{networkPolicy: {{enabled: true, from: [{{ipBlock: {{cidr: 10.0.0.0/8}}}}], monitoringFrom: [{prometheus}]}}}}"
    );
    let policy = policy(&spec);
    assert_eq!(policy["policyTypes"], json!(["Ingress"]));
    assert_eq!(policy["podSelector"]["matchLabels"]["app.kubernetes.io/component"], "store");
    let [clients, observers, backups] = policy["ingress"].as_array().unwrap().as_slice() else {
        panic!("three rules: {policy}")
    };
    assert_eq!(clients["from"], json!([{"ipBlock": {"cidr": "10.0.0.0/8"}}]));
    assert_eq!(clients["ports"], json!([{"port": 8443, "protocol": "TCP"}]));
    let ports: Vec<&Value> =
        observers["ports"].as_array().unwrap().iter().map(|port| &port["port"]).collect();
    assert_eq!(ports, [8081, 8091]);
    assert_eq!(observers["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"], "operator");
    assert_eq!(observers["from"][0]["namespaceSelector"], json!({}));
    assert_eq!(observers["from"][1]["podSelector"]["matchLabels"]["app"], "prometheus");
    let backup = &backups["from"][0]["podSelector"]["matchLabels"];
    assert_eq!(
        (&backup["app.kubernetes.io/instance"], &backup["app.kubernetes.io/component"]),
        (&json!("orders"), &json!("backup"))
    );
    assert!(backups.get("ports").is_none() && backups["from"][0].get("namespaceSelector").is_none());
}

#[test]
fn by_default_clients_are_the_pods_of_the_namespace() {
    let policy = policy("{networkPolicy: {enabled: true}, sidecar: {enabled: false}}");
    assert_eq!(policy["ingress"][0]["from"], json!([{"podSelector": {}}]));
    assert_eq!(policy["ingress"][1]["ports"], json!([{"port": 8081, "protocol": "TCP"}]));
    assert_eq!(policy["ingress"][1]["from"].as_array().unwrap().len(), 1, "the operator alone");
}

#[test]
fn an_ingress_sends_its_host_to_the_clients_port() {
    assert_eq!(children("{}").2.ingress, None);
    let spec =
        "{ingress: {host: orders.example.com, className: nginx, tlsSecretName: cert, annotations: {a: b}}}";
    let ingress = serde_json::to_value(children(spec).2.ingress.unwrap()).unwrap();
    assert_eq!(ingress["metadata"]["annotations"], json!({"a": "b"}));
    let spec = &ingress["spec"];
    assert_eq!(spec["ingressClassName"], "nginx");
    assert_eq!(spec["tls"], json!([{"hosts": ["orders.example.com"], "secretName": "cert"}]));
    assert_eq!(spec["rules"][0]["host"], "orders.example.com");
    let backend = &spec["rules"][0]["http"]["paths"][0]["backend"]["service"];
    assert_eq!(backend, &json!({"name": "orders", "port": {"name": "https"}}));
}

#[test]
fn a_route_trusts_the_stores_authority_where_the_cluster_knows_how() {
    let spec =
        "{httpRoute: {parentRefs: [{name: gate}], hostnames: [orders.example.com], annotations: {a: b}}}";
    assert_eq!(children(spec).2.foreign, []);
    let store = validated(spec, &knowing(&[ForeignKind::HttpRoute, ForeignKind::BackendTlsPolicy])).unwrap();
    let built = http_route::build(&store);
    let [route, policy] = built.as_slice() else { panic!("two children: {built:?}") };
    assert_eq!((route.kind, route.name.as_str()), (ForeignKind::HttpRoute, "orders"));
    assert_eq!(route.object["metadata"]["annotations"], json!({"a": "b"}));
    assert_eq!(route.object["spec"]["parentRefs"], json!([{"name": "gate"}]));
    assert_eq!(route.object["spec"]["hostnames"], json!(["orders.example.com"]));
    assert_eq!(route.object["spec"]["rules"][0]["backendRefs"], json!([{"name": "orders", "port": 443}]));
    let policy = &policy.object["spec"];
    assert_eq!(policy["targetRefs"][0]["sectionName"], "https");
    assert_eq!(policy["validation"]["hostname"], "orders.shop.svc");
    assert_eq!(policy["validation"]["caCertificateRefs"][0]["name"], "orders-ca");

    for (spec, known) in [
        (spec.to_owned(), &[ForeignKind::HttpRoute][..]),
        (spec.replace("{httpRoute", "{tls: {disabled: {}}, httpRoute"), &ForeignKind::ALL),
    ] {
        let store = validated(&spec, &knowing(known)).unwrap();
        assert_eq!(http_route::build(&store).len(), 1, "{spec}");
    }
}

#[test]
fn a_kind_that_the_cluster_does_not_know_is_a_warning_and_no_failure() {
    let spec = "{monitoring: {serviceMonitor: true}, httpRoute: {parentRefs: [{name: gate}]}}";
    let warnings = store(spec).unknown_kinds;
    for (warning, field, kind) in [
        (
            &warnings[0],
            "spec.monitoring.serviceMonitor has no effect",
            "ServiceMonitor (monitoring.coreos.com/v1)",
        ),
        (&warnings[1], "spec.httpRoute has no effect", "HTTPRoute (gateway.networking.k8s.io/v1)"),
        (&warnings[2], "spec.httpRoute: ", "BackendTLSPolicy (gateway.networking.k8s.io/v1)"),
    ] {
        assert!(warning.starts_with(field) && warning.contains(kind), "{warning}");
    }
    let plain = "{tls: {disabled: {}}, httpRoute: {parentRefs: [{name: gate}]}}";
    let known = knowing(&[ForeignKind::HttpRoute]);
    assert_eq!(validated(plain, &known).unwrap().unknown_kinds, [""; 0]);
}

#[test]
fn a_service_monitor_is_built_where_the_cluster_knows_it() {
    let spec = "{monitoring: {serviceMonitor: true, labels: {release: prometheus}}}";
    assert_eq!(children(spec).2.foreign, []);
    let store = validated(spec, &knowing(&[ForeignKind::ServiceMonitor])).unwrap();
    let monitor = service_monitor::build(&store).unwrap().object;
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    assert_eq!(monitor["spec"]["selector"]["matchLabels"]["kivi.dev/service"], "pods");
    assert_eq!(monitor["spec"]["endpoints"].as_array().unwrap().len(), 2);
}

#[test]
fn only_a_store_with_several_servers_has_a_disruption_budget() {
    let (store, material, children) = children("{}");
    assert_eq!(children.disruption_budget, None, "it would keep the one server's node from being drained");
    let budget = build(&replicated(store.clone()), &material).disruption_budget.unwrap().spec.unwrap();
    let value = serde_json::to_value(&budget).unwrap();
    assert_eq!(
        (&value["maxUnavailable"], &value["unhealthyPodEvictionPolicy"]),
        (&json!(1), &json!("AlwaysAllow"))
    );
    assert_eq!(budget.selector.unwrap().match_labels, Some(store.selector()));
    let one = crate::model::Store { servers: 1, replicas: 1, ..replicated(store) };
    assert_eq!(disruption_budget::build(&one), None);
}

#[test]
fn the_service_is_as_the_spec_says_and_leaves_the_rest_to_the_cluster() {
    let plain = serde_json::to_value(children("{}").2.service.spec.unwrap()).unwrap();
    for left in ["externalTrafficPolicy", "loadBalancerClass", "loadBalancerSourceRanges"] {
        assert!(plain.get(left).is_none(), "{left}");
    }
    // A port that the cluster chose is kept by whoever does not write one.
    assert!(plain["ports"][0].get("nodePort").is_none());
    let spec = "{service: {type: LoadBalancer, nodePort: 30443, externalTrafficPolicy: Local, loadBalancerClass: a/b,
        loadBalancerSourceRanges: [10.0.0.0/8], labels: {team: a, app.kubernetes.io/instance: other}}}";
    let service = serde_json::to_value(children(spec).2.service).unwrap();
    let labels = &service["metadata"]["labels"];
    assert_eq!((&labels["team"], &labels["app.kubernetes.io/instance"]), (&json!("a"), &json!("orders")));
    let spec = &service["spec"];
    assert_eq!(spec["ports"][0]["nodePort"], 30443);
    assert_eq!(
        (&spec["externalTrafficPolicy"], &spec["loadBalancerClass"]),
        (&json!("Local"), &json!("a/b"))
    );
    assert_eq!(spec["loadBalancerSourceRanges"], json!(["10.0.0.0/8"]));
}
