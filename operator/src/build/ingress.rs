//! The Ingress: a host's requests, sent to the store's Service.
//!
//! How its controller is told to speak HTTPS to the store differs from controller to controller, so that is an
//! annotation of the user's; controllers that follow `appProtocol` read it from the Service's port.

use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule, IngressServiceBackend,
    IngressSpec, IngressTLS, ServiceBackendPort,
};

use super::{metadata, ports};
use crate::model::Store;

pub(super) fn build(store: &Store) -> Option<Ingress> {
    let wanted = store.ingress.as_ref()?;
    let mut metadata = metadata::child(store, store.names.store());
    metadata.annotations = metadata::some(wanted.annotations.clone());
    let backend = IngressBackend {
        service: Some(IngressServiceBackend {
            name: store.names.store().to_owned(),
            port: Some(ServiceBackendPort {
                name: Some(ports::client_port_name(store).to_owned()),
                ..ServiceBackendPort::default()
            }),
        }),
        ..IngressBackend::default()
    };
    let path = HTTPIngressPath { path: Some("/".to_owned()), path_type: "Prefix".to_owned(), backend };
    let tls = wanted.tls_secret_name.as_ref().map(|secret| {
        vec![IngressTLS { hosts: Some(vec![wanted.host.clone()]), secret_name: Some(secret.clone()) }]
    });
    Some(Ingress {
        metadata,
        spec: Some(IngressSpec {
            ingress_class_name: wanted.class_name.clone(),
            rules: Some(vec![IngressRule {
                host: Some(wanted.host.clone()),
                http: Some(HTTPIngressRuleValue { paths: vec![path] }),
            }]),
            tls,
            ..IngressSpec::default()
        }),
        ..Ingress::default()
    })
}
