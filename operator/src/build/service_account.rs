//! The ServiceAccount of the pods, unless the user names one. They speak to no API server, so it carries no token.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::metadata;
use crate::model::Store;

pub(super) fn build(store: &Store) -> Option<ServiceAccount> {
    if store.pod.service_account.is_some() {
        return None;
    }
    let mut metadata = metadata::child(store, store.names.store());
    metadata.annotations = metadata::some(store.pod.service_account_annotations.clone());
    Some(ServiceAccount {
        metadata,
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    })
}
