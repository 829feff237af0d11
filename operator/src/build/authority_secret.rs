//! The Secret with the authorities: the pair of the one that issues and of the one that will, and the certificates of
//! those that did. No pod mounts it. It is the only record of them: without it everything is made anew.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kivi_crds::annotations;

use super::metadata;
use crate::material::Material;
use crate::model::Store;
use crate::pki::layout::{NEXT, retired_key};

pub(super) fn build(store: &Store, material: &Material) -> Option<Secret> {
    let authorities = &material.certificate.as_ref()?.authorities;
    let mut metadata = metadata::child(store, store.names.ca_secret());
    let rolled = authorities.rolled.clone();
    metadata.annotations = rolled.map(|value| [(annotations::ROLL_AUTHORITY.to_owned(), value)].into());
    let active = &authorities.active;
    let mut data = metadata::data([("tls.crt", &active.certificate), ("tls.key", &active.key)]);
    if let Some(next) = &authorities.next {
        data.extend(metadata::data([(NEXT.0, &next.pair.certificate), (NEXT.1, &next.pair.key)]));
    }
    for old in &authorities.retired {
        data.insert(retired_key(old.until), ByteString(old.certificate.clone().into_bytes()));
    }
    Some(Secret {
        metadata,
        type_: Some("kubernetes.io/tls".to_owned()),
        data: Some(data),
        ..Secret::default()
    })
}
