//! `kubectl kivi list`: one line a store.

use std::io::Write;

use k8s_openapi::jiff::Timestamp;
use kivi_crds::{ConditionType, KeyValueStore};

use super::status::condition;
use crate::PluginError;
use crate::cluster::Cluster;
use crate::table;

pub(crate) async fn run(
    cluster: &Cluster,
    all_namespaces: bool,
    out: &mut impl Write,
) -> Result<(), PluginError> {
    let stores = cluster.stores(all_namespaces).await?;
    if stores.is_empty() {
        let place = if all_namespaces {
            "the cluster".to_owned()
        } else {
            format!("namespace `{}`", cluster.namespace)
        };
        writeln!(out, "There is no store in {place}.")?;
        return Ok(());
    }
    write!(out, "{}", render(&stores, all_namespaces, Timestamp::now()))?;
    Ok(())
}

fn render(stores: &[KeyValueStore], with_namespace: bool, now: Timestamp) -> String {
    let rows: Vec<_> = stores.iter().map(|store| row(store, now)).collect();
    if with_namespace {
        return table::render(["NAMESPACE", "NAME", "READY", "REPLICAS", "LOG", "ENDPOINT", "AGE"], &rows);
    }
    let rows: Vec<_> = rows.into_iter().map(|[_, rest @ ..]| rest).collect();
    table::render(["NAME", "READY", "REPLICAS", "LOG", "ENDPOINT", "AGE"], &rows)
}

fn row(store: &KeyValueStore, now: Timestamp) -> [String; 7] {
    let status = store.status.clone().unwrap_or_default();
    let ready = condition(&status, ConditionType::Ready).map_or("Unknown", |ready| &ready.status);
    let created = store.metadata.creation_timestamp.as_ref();
    [
        store.metadata.namespace.clone().unwrap_or_default(),
        store.metadata.name.clone().unwrap_or_default(),
        ready.to_owned(),
        format!("{}/{}", status.ready_replicas.unwrap_or(0), store.spec.replicas),
        status.log.clone().unwrap_or_default(),
        status.endpoint.clone().unwrap_or_default(),
        created.map(|time| table::age(now.as_second() - time.0.as_second())).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_kubectl_get_tells() {
        let ready: KeyValueStore = serde_yaml::from_str(
            "{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStore, metadata: {name: orders, namespace: shop, creationTimestamp: '2026-11-22T10:00:00Z'}, spec: {}, \
              status: {readyReplicas: 1, log: file, endpoint: 'https://orders.shop.svc', conditions: [{type: Ready, status: 'True', reason: Serving, message: ok, lastTransitionTime: '2026-11-22T10:00:10Z'}]}}",
        )
        .unwrap();
        let fresh: KeyValueStore =
            serde_yaml::from_str("{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStore, metadata: {name: x, namespace: shop}, spec: {}}").unwrap();
        let now = "2026-11-22T10:05:00Z".parse().unwrap();
        assert_eq!(
            render(&[ready, fresh], true, now),
            "NAMESPACE   NAME     READY     REPLICAS   LOG    ENDPOINT                  AGE\n\
             shop        orders   True      1/1        file   https://orders.shop.svc   5m\n\
             shop        x        Unknown   0/1\n"
        );
        assert!(render(&[], false, now).starts_with("NAME "));
    }
}
