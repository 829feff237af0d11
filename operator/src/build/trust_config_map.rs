//! The ConfigMap with what clients trust: the authorities' certificates, or whoever else's beside the server's pair.
//!
//! Since when it holds the next authority is written with it, in one object: the one is never true without the other.

use k8s_openapi::api::core::v1::ConfigMap;

use super::metadata;
use crate::material::Material;
use crate::model::{Certificate, Store};
use crate::pki::layout::NEXT_SINCE;

pub(super) fn build(store: &Store, material: &Material) -> Option<ConfigMap> {
    let authorities = material.certificate.as_ref().map(|issued| &issued.authorities);
    let bundle = match &store.certificate {
        Certificate::Managed(_) => authorities?.bundle(),
        Certificate::Issuer(wanted) => wanted.served.as_ref()?.bundle.clone()?,
        Certificate::Provided { served, .. } => served.bundle.clone()?,
        Certificate::Disabled => return None,
    };
    let mut metadata = metadata::child(store, store.names.ca_config_map());
    let since = authorities.and_then(|authorities| Some(authorities.next.as_ref()?.since.to_string()));
    metadata.annotations = since.map(|since| [(NEXT_SINCE.to_owned(), since)].into());
    Some(ConfigMap { metadata, data: Some([("ca.crt".to_owned(), bundle)].into()), ..ConfigMap::default() })
}
