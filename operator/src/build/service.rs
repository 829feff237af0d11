//! The Service that clients use.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{metadata, pod};
use crate::model::Store;

pub(super) fn build(store: &Store) -> Service {
    let mut metadata = metadata::child(store, store.names.store());
    metadata.annotations = metadata::some(store.service.annotations.clone());
    Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some(store.service.type_.as_str().to_owned()),
            selector: Some(store.selector()),
            ports: Some(vec![ServicePort {
                name: Some(pod::client_port_name(store).to_owned()),
                port: store.service.port,
                protocol: Some("TCP".to_owned()),
                // By this, what stands before the Service knows how to speak to the pods.
                app_protocol: Some(pod::client_port_name(store).to_owned()),
                target_port: Some(IntOrString::String(pod::client_port_name(store).to_owned())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}
