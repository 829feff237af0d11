//! Taking a backup: the server's snapshot is streamed to the destination, looked at on the way, read again, and only then
//! told of in a manifest.

use bytes::Bytes;
use jiff::Timestamp;
use kivi_api::client::Copy;
use kivi_store::{StoreId, inspect};
use rand::Rng;
use serde::Serialize;

use crate::{
    BackupName, Error,
    claim::claim,
    history::{History, backup},
    layout,
    manifest::{self, FORMAT, Manifest, as_text},
    place::Place,
    prune::{self, Pruned},
    retention::Retention,
    server::{Server, store_id},
    transfer::{discard, read_again, send},
};

/// What is to be taken.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its name.
    pub name: BackupName,
    /// What stays beside it.
    pub retention: Retention,
}

/// What was taken.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Taken {
    /// Its name.
    pub name: BackupName,
    /// Its folder, as a URL.
    pub location: String,
    /// The revision whose state it holds.
    pub revision: u64,
    /// How many keys it holds.
    pub keys: u64,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// Of its data.
    pub sha256: String,
    /// The hash of the state.
    pub state_hash: String,
    /// Whose it is, in hexadecimal digits.
    pub store_id: String,
    /// When the snapshot was asked for.
    #[serde(serialize_with = "as_text::serialize")]
    pub started_at: Timestamp,
    /// When it had been found whole.
    #[serde(serialize_with = "as_text::serialize")]
    pub finished_at: Timestamp,
    /// What was removed.
    #[serde(flatten)]
    pub pruned: Pruned,
}

/// Takes a backup. One of this name that is there already is left as it is, and told of. The `clock` is asked when it begins,
/// when it is whole, and for the ages of the others.
///
/// # Errors
/// Nothing is told of then that is not whole.
pub async fn take(
    place: &impl Place,
    server: &Server,
    order: &Order,
    clock: impl Fn() -> Timestamp,
) -> Result<Taken, Error> {
    let started_at = clock();
    let copy = server.snapshot().await?;
    let store_id = store_id(&copy)?;
    claim(place, store_id).await?;
    let manifest = match backup(place, &order.name).await? {
        Some(there) => there,
        None => make(place, copy, store_id, &order.name, started_at, &clock).await?,
    };
    // What is pruned or not, the backup is there.
    let pruned = prune::prune(place, &manifest.name, &order.retention, clock()).await;
    Ok(Taken {
        location: place.url(&layout::folder(&manifest.name)),
        name: manifest.name,
        revision: manifest.revision,
        keys: manifest.keys,
        bytes: manifest.bytes,
        sha256: manifest.sha256,
        state_hash: manifest.state_hash,
        store_id: manifest.store_id.to_string(),
        started_at: manifest.started_at,
        finished_at: manifest.finished_at,
        pruned,
    })
}

async fn make(
    place: &impl Place,
    copy: Copy,
    store_id: StoreId,
    name: &BackupName,
    started_at: Timestamp,
    clock: impl Fn() -> Timestamp,
) -> Result<Manifest, Error> {
    let kept = History::read(place).await?.last();
    if copy.revision < kept {
        return Err(Error::StepsBack { destination: place.url(""), revision: copy.revision, kept });
    }
    let object = layout::snapshot(name, copy.revision, rand::rng().random());
    let made = write(place, copy, store_id, name, &object, (started_at, clock)).await;
    match made {
        Ok(Some(manifest)) => Ok(manifest),
        Ok(None) => {
            // Somebody else was faster: theirs is the backup of this name.
            discard(place, &object).await;
            let there = backup(place, name).await?;
            there.ok_or_else(|| Error::Vanished { object: place.url(&layout::manifest(name)) })
        }
        Err(error) => {
            discard(place, &object).await;
            Err(error)
        }
    }
}

/// Writes the data, reads it again, and writes the manifest, unless there is one by then.
async fn write(
    place: &impl Place,
    copy: Copy,
    store_id: StoreId,
    name: &BackupName,
    object: &str,
    (started_at, clock): (Timestamp, impl Fn() -> Timestamp),
) -> Result<Option<Manifest>, Error> {
    let (revision, state_hash) = (copy.revision, copy.state_hash.clone().unwrap_or_default());
    let (found, digested) = send(place, copy, object, inspect).await?;
    if (found.sequence, found.store_id) != (revision, store_id) || found.hash.to_string() != state_hash {
        return Err(Error::Sent("it is of another revision or store than the answer's head says".to_owned()));
    }
    read_again(place, object, &digested, inspect).await?;
    let (_, file) = object.rsplit_once('/').unwrap_or(("", object));
    let manifest = Manifest {
        format: FORMAT,
        name: name.clone(),
        store_id,
        revision,
        keys: found.keys,
        snapshot: file.to_owned(),
        bytes: digested.bytes,
        sha256: digested.sha256,
        state_hash,
        started_at,
        finished_at: clock(),
    };
    let bytes = Bytes::from(manifest::write(&manifest));
    let created = place.create(&layout::manifest(name), bytes).await?;
    Ok(created.then_some(manifest))
}
