//! The Secret with the server's pair.

use k8s_openapi::api::core::v1::Secret;
use kivi_crds::annotations;

use super::metadata;
use crate::material::Material;
use crate::model::Store;
use crate::validate::CERTIFICATE_GENERATION;

pub(super) fn build(store: &Store, material: &Material) -> Option<Secret> {
    let issued = material.certificate.as_ref()?;
    let mut metadata = metadata::child(store, store.names.tls_secret());
    let rotated = issued.rotated.clone();
    let rotated = rotated.map(|value| (annotations::ROTATE_CERTIFICATE.to_owned(), value));
    let generation = (CERTIFICATE_GENERATION.to_owned(), issued.generation.to_string());
    metadata.annotations = Some(std::iter::once(generation).chain(rotated).collect());
    Some(Secret {
        metadata,
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(metadata::data([
            ("tls.crt", &issued.leaf.certificate),
            ("tls.key", &issued.leaf.key),
            ("ca.crt", &issued.authorities.bundle()),
        ])),
        ..Secret::default()
    })
}
