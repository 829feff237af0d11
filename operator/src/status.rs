//! Step 5 (client): reads what the pods' volumes are, computes the status, and writes it if it changed.
//!
//! [`compute`] and [`conditions`] are pure; only this file knows a client.

mod claims;
pub mod compute;
pub mod conditions;
mod events;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kivi_crds::{KeyValueStore, KeyValueStoreStatus, labels};
use kube::api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, Client, Resource as _};
use serde_json::json;
use thiserror::Error;

use crate::answer::Said;
use crate::apply::FIELD_MANAGER;
use crate::build::{Applied, Children};
use crate::material::Material;
use crate::model::Store;

pub use events::{Change, changes};

/// Why the status could not be written.
#[derive(Debug, Error)]
pub enum StatusError {
    /// The volumes could not be listed.
    #[error("cannot list the PersistentVolumeClaims of {store}: {}", Said(source))]
    Claims {
        /// Name of the store.
        store: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// The status could not be read.
    #[error("cannot read the status of {store}: {}", Said(source))]
    Read {
        /// Name of the store.
        store: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// The API server did not take it.
    #[error("cannot write the status of {store}: {}", Said(source))]
    Write {
        /// Name of the store.
        store: String,
        /// What the API server said.
        source: kube::Error,
    },
}

/// The status of a store whose children were applied.
///
/// # Errors
/// When the volumes cannot be listed.
pub async fn observe(
    client: &Client,
    store: &Store,
    material: &Material,
    applied: &Children<Applied>,
    previous: Option<&KeyValueStoreStatus>,
    now: Timestamp,
) -> Result<KeyValueStoreStatus, StatusError> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &store.namespace);
    let selector = ListParams::default().labels(&labels::query(&store.selector()));
    let found = api
        .list(&selector)
        .await
        .map_err(|source| StatusError::Claims { store: store.names.store().to_owned(), source })?;
    let volumes = claims::volumes(&store.names, found.items);
    Ok(compute::serving(store, material, applied, volumes, previous, now))
}

/// Writes a status if it differs from the previous one; says whether it did.
///
/// # Errors
/// When the API server does not take it.
pub async fn write(
    client: &Client,
    namespace: &str,
    name: &str,
    previous: Option<&KeyValueStoreStatus>,
    next: &KeyValueStoreStatus,
) -> Result<bool, StatusError> {
    if previous == Some(next) {
        return Ok(false);
    }
    let status = json!({
        "apiVersion": KeyValueStore::api_version(&()),
        "kind": KeyValueStore::kind(&()),
        "metadata": {"name": name},
        "status": next,
    });
    untyped(client, namespace)
        .patch_status(name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(&status))
        .await
        .map(|_| true)
        .map_err(|source| StatusError::Write { store: name.to_owned(), source })
}

/// The status of a store that is malformed; nothing where that is malformed too.
///
/// # Errors
/// When the API server does not answer.
pub async fn read(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<KeyValueStoreStatus>, StatusError> {
    let found = untyped(client, namespace)
        .get_opt(name)
        .await
        .map_err(|source| StatusError::Read { store: name.to_owned(), source })?;
    Ok(found.and_then(|store| serde_json::from_value(store.data.get("status")?.clone()).ok()))
}

/// Stores without their type: an answer may be of one that is malformed.
fn untyped(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<KeyValueStore>(&());
    Api::namespaced_with(client.clone(), namespace, &kind)
}
