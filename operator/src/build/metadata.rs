//! Metadata that each child has.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::model::Store;

/// Name, namespace, labels and owner of a child.
pub(crate) fn child(store: &Store, name: impl Into<String>) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        namespace: Some(store.namespace.clone()),
        labels: Some(store.labels()),
        owner_references: Some(vec![store.owner.clone()]),
        ..ObjectMeta::default()
    }
}

/// The map, or nothing where it is empty: an empty map that was sent is a field that someone owns.
pub(crate) fn some(map: BTreeMap<String, String>) -> Option<BTreeMap<String, String>> {
    (!map.is_empty()).then_some(map)
}

/// The data of a Secret.
pub(super) fn data<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, ByteString> {
    entries.into_iter().map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec()))).collect()
}
