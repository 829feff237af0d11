//! The ConfigMap with what clients trust: the authority's certificate.

use k8s_openapi::api::core::v1::ConfigMap;

use super::metadata;
use crate::material::Material;
use crate::model::Store;

pub(super) fn build(store: &Store, material: &Material) -> Option<ConfigMap> {
    let authority = &material.certificate.as_ref()?.authority;
    Some(ConfigMap {
        metadata: metadata::child(store, store.names.ca_config_map()),
        data: Some([("ca.crt".to_owned(), authority.certificate.clone())].into()),
        ..ConfigMap::default()
    })
}
