//! Step 1 (client): fetches what a backup refers to, and what there is of it already. It must not judge.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kivi_crds::{Destination, KeyValueStore, KeyValueStoreBackup, StoreNames};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use crate::dereference::{self, DereferenceError};

/// What a backup refers to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Dereferenced {
    /// Its Job, made at an earlier reconcile, or someone else's of its name.
    pub(super) job: Option<Job>,
    /// The Job's pods.
    pub(super) pods: Vec<Pod>,
    /// Its store; not looked up where there is a Job.
    pub(super) store: Option<KeyValueStore>,
    /// The store's StatefulSet, or someone else's of its name; not looked up where there is a Job.
    pub(super) stateful_set: Option<StatefulSet>,
    /// Whether the Secret with the destination's credentials is there; true where none is named.
    pub(super) credentials: bool,
    /// The Secret with the authorities of the destination's server, where one is named.
    pub(super) authority: Option<Secret>,
    /// The backup of the same store that goes first.
    pub(super) ahead: Option<String>,
}

/// Where the backup is to be: its own destination, or its store's.
pub(super) fn destination<'a>(
    backup: &'a KeyValueStoreBackup,
    store: Option<&'a KeyValueStore>,
) -> Option<&'a Destination> {
    let of_store = || store?.spec.backup.as_ref()?.destination.as_ref();
    backup.spec.destination.as_ref().or_else(of_store)
}

/// Fetches what the backup refers to. `ahead` is the backup of the same store that goes first.
pub(super) async fn dereference(
    client: &Client,
    namespace: &str,
    backup: &KeyValueStoreBackup,
    ahead: Option<String>,
) -> Result<Dereferenced, DereferenceError> {
    let name = backup.name_any();
    let job = Api::<Job>::namespaced(client.clone(), namespace)
        .get_opt(&name)
        .await
        .map_err(|source| error("Job", &name, source))?;
    if job.is_some() {
        let of_job = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={name}"));
        let pods = Api::<Pod>::namespaced(client.clone(), namespace)
            .list(&of_job)
            .await
            .map_err(|source| error("pods of Job", &name, source))?;
        return Ok(Dereferenced { job, pods: pods.items, ..Dereferenced::default() });
    }
    let store_name = &backup.spec.store_ref.name;
    let store = Api::<KeyValueStore>::namespaced(client.clone(), namespace)
        .get_opt(store_name)
        .await
        .map_err(|source| error("KeyValueStore", store_name, source))?;
    let stateful_set = match &store {
        Some(_) => dereference::stateful_set(client, namespace, &StoreNames::new(store_name)).await?,
        None => None,
    };
    let place = destination(backup, store.as_ref());
    let keys =
        place.and_then(|place| Some(place.s3.as_ref()?.credentials_secret_ref.as_ref()?.name.as_str()));
    let credentials = match keys {
        None => true,
        Some(name) => secret(client, namespace, name).await?.is_some(),
    };
    let authority = match place.and_then(Destination::ca_secret_ref) {
        None => None,
        Some(named) => secret(client, namespace, &named.name).await?,
    };
    Ok(Dereferenced { job, pods: Vec::new(), store, stateful_set, credentials, authority, ahead })
}

async fn secret(client: &Client, namespace: &str, name: &str) -> Result<Option<Secret>, DereferenceError> {
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    secrets.get_opt(name).await.map_err(|source| error("Secret", name, source))
}

fn error(kind: &str, name: &str, source: kube::Error) -> DereferenceError {
    DereferenceError::Read { kind: kind.to_owned(), name: name.to_owned(), source }
}
