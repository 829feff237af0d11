//! Step 5 (client): looks at what runs, computes the status, and writes it if it changed.
//!
//! Only this file and [`seen`] know a client; the rest is pure.

pub mod backup;
mod certificate;
mod claims;
pub mod compute;
pub mod conditions;
mod events;
mod memory;
mod pods;
pub mod seen;
mod storage;
pub(crate) mod trouble;
mod warnings;

use kivi_crds::{KeyValueStore, KeyValueStoreStatus};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client, Resource as _};
use serde_json::json;
use thiserror::Error;

use crate::answer::Said;
use crate::field_manager::FIELD_MANAGER;

pub(crate) use certificate::status as certificate;
pub use events::{Change, changes};

/// Why the status could not be written.
#[derive(Debug, Error)]
pub enum StatusError {
    /// What runs could not be listed.
    #[error("cannot list {kind}s: {}", Said(source))]
    List {
        /// Kind of the objects.
        kind: String,
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

impl StatusError {
    /// What the API server said.
    pub fn cause(&self) -> &kube::Error {
        match self {
            Self::List { source, .. } | Self::Read { source, .. } | Self::Write { source, .. } => source,
        }
    }
}

/// Writes a status if it differs from the previous one; says whether it did.
///
/// It is refused where the store of this name is by now another one, made anew after this one was deleted.
///
/// # Errors
/// When the API server does not take it.
pub async fn write(
    client: &Client,
    namespace: &str,
    name: &str,
    uid: Option<&str>,
    previous: Option<&KeyValueStoreStatus>,
    next: &KeyValueStoreStatus,
) -> Result<bool, StatusError> {
    if previous == Some(next) {
        return Ok(false);
    }
    let status = json!({
        "apiVersion": KeyValueStore::api_version(&()),
        "kind": KeyValueStore::kind(&()),
        "metadata": {"name": name, "uid": uid},
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
