//! The Secret with the bearer token.

use k8s_openapi::api::core::v1::Secret;

use super::metadata;
use crate::material::Material;
use crate::model::Store;

pub(super) fn build(store: &Store, material: &Material) -> Option<Secret> {
    let token = material.token.as_ref()?;
    Some(Secret {
        metadata: metadata::child(store, store.names.token_secret()),
        type_: Some("Opaque".to_owned()),
        data: Some(metadata::data([("token", token)])),
        ..Secret::default()
    })
}
