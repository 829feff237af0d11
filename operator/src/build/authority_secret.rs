//! The Secret with the authority's pair. No pod mounts it.

use k8s_openapi::api::core::v1::Secret;

use super::metadata;
use crate::material::Material;
use crate::model::Store;

pub(super) fn build(store: &Store, material: &Material) -> Option<Secret> {
    let authority = &material.certificate.as_ref()?.authority;
    Some(Secret {
        metadata: metadata::child(store, store.names.ca_secret()),
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(metadata::data([("tls.crt", &authority.certificate), ("tls.key", &authority.key)])),
        ..Secret::default()
    })
}
