//! The NetworkPolicy: who may open connections to the pods.
//!
//! It speaks of connections to the pods only. A server opens some too, to DNS and to the endpoint of its traces, but
//! a policy cannot name a host, so an egress rule of ours would have to be too wide or break tracing; a cluster that
//! wants one adds a policy of its own, and policies add up. The kubelet's probes need no rule: a pod's own node always
//! reaches it (kubernetes.io, Network Policies).

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{metadata, ports};
use crate::model::Store;

pub(super) fn build(store: &Store) -> Option<NetworkPolicy> {
    let allowed = store.network_policy.as_ref()?;
    let clients = match allowed.from.as_slice() {
        [] => vec![pods([])],
        peers => peers.to_vec(),
    };
    let mut health = vec![ports::SERVER_HEALTH_PORT];
    if store.settings.sidecar.enabled {
        health.push(ports::SIDECAR_HEALTH_PORT);
    }
    let mut observers = vec![operator()];
    observers.extend(allowed.monitoring_from.iter().cloned());
    Some(NetworkPolicy {
        metadata: metadata::child(store, store.names.store()),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(store.selector()),
                ..LabelSelector::default()
            }),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(vec![
                rule(clients, &[ports::CLIENT_PORT]),
                rule(observers, &health),
                // Its backups, at whichever port they copy from; each asks who they are.
                rule(vec![backups(store)], &[]),
            ]),
            ..NetworkPolicySpec::default()
        }),
    })
}

fn rule(from: Vec<NetworkPolicyPeer>, ports: &[i32]) -> NetworkPolicyIngressRule {
    let port = |number: &i32| NetworkPolicyPort {
        port: Some(IntOrString::Int(*number)),
        // The API server writes this default into an object; left out, each apply would differ.
        protocol: Some("TCP".to_owned()),
        ..NetworkPolicyPort::default()
    };
    NetworkPolicyIngressRule {
        from: Some(from),
        ports: (!ports.is_empty()).then(|| ports.iter().map(port).collect()),
    }
}

/// The pods of the store's namespace with these labels.
fn pods<const N: usize>(labels: [(&str, &str); N]) -> NetworkPolicyPeer {
    let labels: BTreeMap<String, String> =
        labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    NetworkPolicyPeer {
        pod_selector: Some(LabelSelector {
            match_labels: metadata::some(labels),
            ..LabelSelector::default()
        }),
        ..NetworkPolicyPeer::default()
    }
}

/// The operator, in whichever namespace it runs: it may read what the health ports say, which is no secret.
fn operator() -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector::default()),
        ..pods([("app.kubernetes.io/component", "operator"), ("app.kubernetes.io/part-of", "kivi")])
    }
}

fn backups(store: &Store) -> NetworkPolicyPeer {
    pods([
        ("app.kubernetes.io/name", "kivi"),
        ("app.kubernetes.io/instance", store.names.store()),
        ("app.kubernetes.io/component", "backup"),
    ])
}
