//! The Secret with the server's pair: the operator's own, or cert-manager's, of which the operator keeps only the labels
//! and the owner, so that it goes with the store.

use k8s_openapi::api::core::v1::Secret;
use kivi_crds::annotations;

use super::metadata;
use crate::material::Material;
use crate::model::{Certificate, Store};
use crate::pki::Issued;
use crate::pki::layout::CERTIFICATE_GENERATION;

pub(super) fn build(store: &Store, material: &Material) -> Option<Secret> {
    match &store.certificate {
        Certificate::Issuer(wanted) => {
            let secret = wanted.secret.as_ref()?;
            let mut metadata = metadata::child(store, store.names.tls_secret());
            metadata.uid = Some(secret.uid.clone());
            Some(Secret { metadata, type_: secret.type_.clone(), ..Secret::default() })
        }
        Certificate::Managed(_) => Some(own(store, material.certificate.as_ref()?)),
        Certificate::Provided { .. } | Certificate::Disabled => None,
    }
}

fn own(store: &Store, issued: &Issued) -> Secret {
    let mut metadata = metadata::child(store, store.names.tls_secret());
    let rotated = issued.rotated.clone();
    let rotated = rotated.map(|value| (annotations::ROTATE_CERTIFICATE.to_owned(), value));
    let generation = (CERTIFICATE_GENERATION.to_owned(), issued.generation.to_string());
    metadata.annotations = Some(std::iter::once(generation).chain(rotated).collect());
    Secret {
        metadata,
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(metadata::data([
            ("tls.crt", &issued.leaf.certificate),
            ("tls.key", &issued.leaf.key),
            ("ca.crt", &issued.authorities.bundle()),
        ])),
        ..Secret::default()
    }
}
