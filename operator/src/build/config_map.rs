//! The ConfigMap with the processes' configuration file.

use k8s_openapi::api::core::v1::ConfigMap;

use super::{config, metadata};
use crate::model::Store;

pub(super) fn build(store: &Store) -> ConfigMap {
    ConfigMap {
        metadata: metadata::child(store, store.names.store()),
        data: Some([(config::FILE.to_owned(), config::file(&store.settings))].into()),
        ..ConfigMap::default()
    }
}
