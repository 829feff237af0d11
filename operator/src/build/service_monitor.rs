//! The ServiceMonitor (monitoring.coreos.com/v1): what Prometheus scrapes.

use serde_json::json;

use super::{metadata, pods_service, ports};
use crate::foreign::{Foreign, ForeignKind};
use crate::model::Store;

pub(super) fn build(store: &Store) -> Option<Foreign> {
    let more = store.service_monitor.as_ref()?;
    let kind = ForeignKind::ServiceMonitor;
    let mut metadata = metadata::child(store, store.names.store());
    let labels = metadata.labels.get_or_insert_default();
    for (key, value) in more {
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    let mut selector = store.selector();
    selector.insert(pods_service::LABEL.0.to_owned(), pods_service::LABEL.1.to_owned());
    let mut endpoints = vec![json!({"port": ports::SERVER_HEALTH, "path": "/metrics"})];
    if store.settings.sidecar.enabled {
        endpoints.push(json!({"port": ports::SIDECAR_HEALTH, "path": "/metrics"}));
    }
    let object = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.gvk().kind,
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": selector}, "endpoints": endpoints},
    });
    Some(Foreign { kind, name: store.names.store().to_owned(), object })
}
