//! The ConfigMap with what clients trust: the authorities' certificates.
//!
//! Since when it holds the next authority is written with it, in one object: the one is never true without the other.

use k8s_openapi::api::core::v1::ConfigMap;

use super::metadata;
use crate::material::Material;
use crate::model::Store;
use crate::validate::NEXT_SINCE;

pub(super) fn build(store: &Store, material: &Material) -> Option<ConfigMap> {
    let authorities = &material.certificate.as_ref()?.authorities;
    let mut metadata = metadata::child(store, store.names.ca_config_map());
    let since = authorities.next.as_ref().map(|next| next.since.to_string());
    metadata.annotations = since.map(|since| [(NEXT_SINCE.to_owned(), since)].into());
    Some(ConfigMap {
        metadata,
        data: Some([("ca.crt".to_owned(), authorities.bundle())].into()),
        ..ConfigMap::default()
    })
}
