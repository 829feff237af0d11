//! The ServiceAccount of the pods. They speak to no API server, so it carries no token.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::metadata;
use crate::model::Store;

pub(super) fn build(store: &Store) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata::child(store, store.names.store()),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
