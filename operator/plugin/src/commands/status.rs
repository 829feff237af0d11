//! `kubectl kivi status STORE`: what a store is, how it is, and why.

use std::fmt::Write as _;
use std::io::Write;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kivi_crds::{ConditionType, KeyValueStore, KeyValueStoreStatus};

use crate::PluginError;
use crate::cluster::Cluster;
use crate::table;

pub(crate) async fn run(cluster: &Cluster, store: &str, out: &mut impl Write) -> Result<(), PluginError> {
    let resource = cluster.store(store).await?;
    write!(out, "{}", render(store, &cluster.namespace, &resource))?;
    Ok(())
}

/// The condition of a type, if the operator has set it.
pub(super) fn condition(status: &KeyValueStoreStatus, kind: ConditionType) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == kind.as_str())
}

fn render(name: &str, namespace: &str, store: &KeyValueStore) -> String {
    let Some(status) = &store.status else {
        return format!("Store {namespace}/{name} has no status yet: is the operator running?\n");
    };
    let mut text = String::new();
    for (label, value) in facts(name, namespace, store, status) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label:13}{value}");
    }
    if status.observed_generation < store.metadata.generation {
        text.push_str("\nThe spec was changed; the operator has not yet looked at it.\n");
    }
    let rows: Vec<_> = status
        .conditions
        .iter()
        .map(|condition| {
            [&condition.type_, &condition.status, &condition.reason, &condition.message].map(Clone::clone)
        })
        .collect();
    let _ = write!(text, "\n{}", table::render(["CONDITION", "STATUS", "REASON", "MESSAGE"], &rows));
    text
}

fn facts(
    name: &str,
    namespace: &str,
    store: &KeyValueStore,
    status: &KeyValueStoreStatus,
) -> Vec<(&'static str, String)> {
    let unknown = || "-".to_owned();
    let mut facts = vec![
        ("Store", format!("{namespace}/{name}")),
        ("Endpoint", status.endpoint.clone().unwrap_or_else(unknown)),
        ("Version", status.version.clone().unwrap_or_else(unknown)),
        ("Replicas", format!("{}/{} ready", status.ready_replicas.unwrap_or(0), store.spec.replicas)),
        ("Log", status.log.clone().unwrap_or_else(unknown)),
    ];
    if let Some(certificate) = &status.certificate {
        let trust = certificate.ca_config_map.as_ref();
        let trust = trust.map(|ca| format!(", trusted by configmap/{ca}")).unwrap_or_default();
        facts.push((
            "Certificate",
            format!("secret/{}, until {}{trust}", certificate.secret_name, certificate.not_after),
        ));
    }
    for volume in &status.volumes {
        let size = volume.actual.clone().unwrap_or_else(unknown);
        let requested = volume.requested.clone().unwrap_or_else(unknown);
        let resize = volume.resize.map(|resize| format!(", {requested} asked for: {resize:?}"));
        let (name, phase) = (&volume.name, volume.phase);
        facts.push(("Volume", format!("{name}, {phase:?}, {size}{}", resize.unwrap_or_default())));
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(rest: &str) -> KeyValueStore {
        let text = format!(
            "{{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStore, metadata: {{name: orders, generation: 2}}, spec: {{}}{rest}}}"
        );
        serde_yaml::from_str(&text).unwrap()
    }

    #[test]
    fn it_tells_how_the_store_is_and_why() {
        let text = render(
            "orders",
            "shop",
            &store(
                ", status: {observedGeneration: 2, readyReplicas: 0, log: file, endpoint: 'https://orders.shop.svc', version: 0.1.0, \
               certificate: {secretName: orders-tls, caConfigMap: orders-ca, notAfter: '2027-02-20T10:00:00Z', generation: 1}, \
               volumes: [{name: log-orders-0, phase: Bound, requested: 2Gi, actual: 1Gi, resize: FileSystemResizePending}], \
               conditions: [{type: Ready, status: 'False', reason: PodsNotReady, message: 0 of 1 pods are ready, lastTransitionTime: '2026-11-22T10:00:00Z'}]}",
            ),
        );
        assert_eq!(
            text,
            "Store        shop/orders\n\
             Endpoint     https://orders.shop.svc\n\
             Version      0.1.0\n\
             Replicas     0/1 ready\n\
             Log          file\n\
             Certificate  secret/orders-tls, until 2027-02-20T10:00:00Z, trusted by configmap/orders-ca\n\
             Volume       log-orders-0, Bound, 1Gi, 2Gi asked for: FileSystemResizePending\n\
             \n\
             CONDITION   STATUS   REASON         MESSAGE\n\
             Ready       False    PodsNotReady   0 of 1 pods are ready\n"
        );
    }

    #[test]
    fn a_status_that_lags_behind_the_spec_says_so() {
        let text = render("orders", "shop", &store(", status: {observedGeneration: 1}"));
        assert!(text.contains("the operator has not yet looked at it"), "{text}");
        let text = render("orders", "shop", &store(""));
        assert!(text.contains("is the operator running?"), "{text}");
    }
}
