//! The Service that clients use.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{metadata, ports};
use crate::model::Store;

pub(super) fn build(store: &Store) -> Service {
    let wanted = &store.service;
    let mut metadata = metadata::child(store, store.names.store());
    metadata.annotations = metadata::some(wanted.annotations.clone());
    let labels = metadata.labels.get_or_insert_default();
    for (key, value) in &wanted.labels {
        labels.entry(key.clone()).or_insert_with(|| value.clone());
    }
    Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some(wanted.type_.as_str().to_owned()),
            selector: Some(store.selector()),
            ports: Some(vec![ServicePort {
                name: Some(ports::client_port_name(store).to_owned()),
                port: wanted.port,
                node_port: wanted.node_port,
                protocol: Some("TCP".to_owned()),
                // By this, what stands before the Service knows how to speak to the pods.
                app_protocol: Some(ports::client_port_name(store).to_owned()),
                target_port: Some(IntOrString::String(ports::client_port_name(store).to_owned())),
            }]),
            external_traffic_policy: wanted.external_traffic_policy.map(|policy| policy.as_str().to_owned()),
            load_balancer_class: wanted.load_balancer_class.clone(),
            load_balancer_source_ranges: (!wanted.load_balancer_source_ranges.is_empty())
                .then(|| wanted.load_balancer_source_ranges.clone()),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
