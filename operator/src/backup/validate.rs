//! Step 2 (pure): a backup and what it refers to become a [`BackupJob`], or a sentence: what it waits for, or why it
//! will not be made.

use k8s_openapi::api::apps::v1::StatefulSet;
use kivi_crds::{ConditionType, KeyValueStore, KeyValueStoreBackup, StoreNames, labels};
use kube::{Resource as _, ResourceExt as _};
use thiserror::Error;

use super::authority::{self, NoAuthority};
use super::dereference::{Dereferenced, destination};
use super::model::{BackupJob, Copy, Source, Tools};
use crate::build::volumes;
use crate::status::conditions;
use crate::validate::placement;

/// Why there is no Job yet, or never will be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    /// The API server gives each object a uid, and each backup a namespace.
    #[error("The backup has no {0}.")]
    Incomplete(&'static str),
    /// No such store, or not yet.
    #[error("There is no store {0} in the backup's namespace.")]
    NoStore(String),
    /// The store does not serve.
    #[error("Store {store} is not ready: {why}")]
    NotReady {
        /// Its name.
        store: String,
        /// The message of its condition.
        why: String,
    },
    /// What copies the store has nothing to check its certificate by.
    #[error(
        "What copies store {store} checks its certificate as any client does, and Secret {secret} has no ca.crt to check it by: add one."
    )]
    NotTrusted {
        /// Its name.
        store: String,
        /// The Secret with its certificate.
        secret: String,
    },
    /// Another backup of the store goes first.
    #[error("Backup {0} of the same store comes first.")]
    Queued(String),
    /// The credentials are not there.
    #[error("There is no Secret {0} with the destination's credentials; create it.")]
    NoCredentials(String),
    /// The authorities of the bucket's server are not there.
    #[error("caSecretRef of the destination: {0}.")]
    NoAuthority(#[from] NoAuthority),
    /// Nobody says where to.
    #[error("Neither spec.destination nor spec.backup.destination of store {0} says where to; name one.")]
    NoDestination(String),
    /// Two places, or none.
    #[error("The destination must be exactly one of volume and s3.")]
    Ambiguous,
    /// The Job of an earlier backup of this name is there still.
    #[error("Job {0} of an earlier backup of this name is on its way out.")]
    JobLeaving(String),
    /// A Job of someone else's has the backup's name.
    #[error("Job {0} exists and is not this backup's; make a backup of another name.")]
    NameTaken(String),
}

impl Refusal {
    /// The reason of the conditions.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Incomplete(_) | Self::Ambiguous => "InvalidSpec",
            Self::NoStore(_) => "StoreNotFound",
            Self::NotReady { .. } => "StoreNotReady",
            Self::NotTrusted { .. } => "CertificateNotTrusted",
            Self::Queued(_) => "Queued",
            Self::NoCredentials(_) => "SecretNotFound",
            Self::NoAuthority(why) => why.reason(),
            Self::NoDestination(_) => "NoDestination",
            Self::JobLeaving(_) => "JobLeaving",
            Self::NameTaken(_) => "NameTaken",
        }
    }

    /// Whether it may pass by itself.
    pub(super) fn waits(&self) -> bool {
        match self {
            Self::NoStore(_)
            | Self::NotReady { .. }
            | Self::NotTrusted { .. }
            | Self::Queued(_)
            | Self::NoCredentials(_)
            | Self::NoAuthority(_)
            | Self::JobLeaving(_) => true,
            Self::Incomplete(_) | Self::NoDestination(_) | Self::Ambiguous | Self::NameTaken(_) => false,
        }
    }
}

/// Checks a backup for which there is no Job.
pub(super) fn validate(
    backup: &KeyValueStoreBackup,
    found: &Dereferenced,
    tools: &Tools,
) -> Result<BackupJob, Refusal> {
    let namespace = backup.namespace().ok_or(Refusal::Incomplete("namespace"))?;
    let owner = backup.controller_owner_ref(&()).ok_or(Refusal::Incomplete("uid"))?;
    let name = &backup.spec.store_ref.name;
    let store = found.store.as_ref().ok_or_else(|| Refusal::NoStore(name.clone()))?;
    let destination = destination(backup, Some(store)).ok_or_else(|| Refusal::NoDestination(name.clone()))?;
    if destination.volume.is_some() == destination.s3.is_some() {
        return Err(Refusal::Ambiguous);
    }
    let destination = destination.resolved(&namespace, name, &store.uid().unwrap_or_default());
    let runs = found.stateful_set.as_ref().filter(|set| is_of(set, store));
    let source = source(&namespace, store, runs)?;
    let placement = match (placement::read(store), runs) {
        (Ok(placement), _) => placement,
        // What is wrong with the spec is not in force: it is copied where it runs.
        (Err(_), Some(set)) => placement::as_made(store, set),
        (Err(error), None) => {
            return Err(Refusal::NotReady { store: name.clone(), why: error.to_string() });
        }
    };
    if let Some(ahead) = &found.ahead {
        return Err(Refusal::Queued(ahead.clone()));
    }
    if !found.credentials {
        let secret = destination.s3.as_ref().and_then(|s3| s3.credentials_secret_ref.as_ref());
        return Err(Refusal::NoCredentials(secret.map(|secret| secret.name.clone()).unwrap_or_default()));
    }
    authority::check(&destination, found.authority.as_ref())?;
    let scheduled = backup.annotations().contains_key(labels::SCHEDULED_AT);
    let retention = store.spec.backup.as_ref().map(|policy| policy.retention.clone());
    Ok(BackupJob {
        name: backup.name_any(),
        owner,
        copy: Copy { source, destination, tools: tools.clone(), placement },
        retention: retention.filter(|_| scheduled),
    })
}

fn is_of(set: &StatefulSet, store: &KeyValueStore) -> bool {
    set.owner_references().iter().any(|owner| Some(&owner.uid) == store.metadata.uid.as_ref())
}

/// The store as its clients see it: what its status tells them, and the tokens that its servers take. Those of a spec that
/// cannot be built are none of them.
fn source(namespace: &str, store: &KeyValueStore, runs: Option<&StatefulSet>) -> Result<Source, Refusal> {
    let not_ready = |why: &str| Refusal::NotReady { store: store.name_any(), why: why.to_owned() };
    let status = store.status.as_ref().ok_or_else(|| not_ready("it is new."))?;
    let ready = conditions::find(&status.conditions, ConditionType::Ready);
    let ready = ready.ok_or_else(|| not_ready("it is new."))?;
    // A store whose spec cannot be built is not Ready, and is to be copied all the same where it serves.
    if ready.status != "True" && status.ready_replicas.unwrap_or_default() == 0 {
        return Err(not_ready(&ready.message));
    }
    let endpoint = status.endpoint.clone().ok_or_else(|| not_ready("it has no endpoint."))?;
    let certificate = status.certificate.as_ref();
    if let Some(bare) = certificate.filter(|certificate| certificate.ca_config_map.is_none()) {
        return Err(Refusal::NotTrusted { store: store.name_any(), secret: bare.secret_name.clone() });
    }
    let named = || store.spec.auth.tokens_secret_ref.as_ref().map(|secret| secret.name.clone());
    let tokens = runs.and_then(|set| volumes::secret(set, volumes::TOKENS)).map(str::to_owned).or_else(named);
    let own_tokens = || StoreNames::new(store.name_any()).token_secret();
    Ok(Source {
        store: store.name_any(),
        namespace: namespace.to_owned(),
        endpoint,
        ca_config_map: certificate.and_then(|certificate| certificate.ca_config_map.clone()),
        tokens_secret: tokens.unwrap_or_else(own_tokens),
    })
}

#[cfg(test)]
mod tests;
