//! The HTTPRoute, and the BackendTLSPolicy by which its Gateway speaks HTTPS to the store and trusts its authority
//! (both gateway.networking.k8s.io/v1).

use serde_json::json;

use super::{metadata, ports};
use crate::foreign::{Foreign, ForeignKind};
use crate::model::{Certificate, Store};

pub(super) fn build(store: &Store) -> Vec<Foreign> {
    let Some(wanted) = store.http_route.as_ref() else {
        return Vec::new();
    };
    let name = store.names.store();
    let foreign = |kind: ForeignKind, mut metadata: serde_json::Value, spec: serde_json::Value| {
        if kind == ForeignKind::HttpRoute && !wanted.annotations.is_empty() {
            metadata["annotations"] = json!(wanted.annotations);
        }
        let object = json!({
            "apiVersion": kind.api_version(), "kind": kind.gvk().kind, "metadata": metadata, "spec": spec,
        });
        Foreign { kind, name: name.to_owned(), object }
    };
    let mut spec = json!({
        "parentRefs": wanted.parent_refs,
        "rules": [{"backendRefs": [{"name": name, "port": store.service.port}]}],
    });
    if !wanted.hostnames.is_empty() {
        spec["hostnames"] = json!(wanted.hostnames);
    }
    let mut children = vec![foreign(ForeignKind::HttpRoute, json!(metadata::child(store, name)), spec)];
    if wanted.backend_tls && matches!(store.certificate, Certificate::Managed(_)) {
        let spec = json!({
            "targetRefs": [{
                "group": "", "kind": "Service", "name": name, "sectionName": ports::client_port_name(store),
            }],
            "validation": {
                "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": store.names.ca_config_map()}],
                "hostname": store.host(),
            },
        });
        children.push(foreign(ForeignKind::BackendTlsPolicy, json!(metadata::child(store, name)), spec));
    }
    children
}
