//! The headless Service: it gives each pod a name, also while the pod is not ready, and Prometheus the
//! health ports.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{metadata, ports};
use crate::model::Store;

/// Label that tells this Service from the one of the clients.
pub(super) const LABEL: (&str, &str) = ("kivi.dev/service", "pods");

pub(super) fn build(store: &Store) -> Service {
    let mut metadata = metadata::child(store, store.names.pods_service());
    metadata.labels.get_or_insert_default().insert(LABEL.0.to_owned(), LABEL.1.to_owned());
    let mut ports = vec![
        port(ports::client_port_name(store), ports::CLIENT_PORT),
        port(ports::SERVER_HEALTH, ports::SERVER_HEALTH_PORT),
    ];
    if store.settings.sidecar.enabled {
        ports.push(port(ports::SIDECAR_HEALTH, ports::SIDECAR_HEALTH_PORT));
    }
    Service {
        metadata,
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            publish_not_ready_addresses: Some(true),
            selector: Some(store.selector()),
            ports: Some(ports),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn port(name: &str, number: i32) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number,
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::String(name.to_owned())),
        ..ServicePort::default()
    }
}
