//! Taking a backup: the server's snapshot is streamed to the destination, looked at on the way, read again, and only then
//! told of in a manifest.

use jiff::Timestamp;
use kivi_api::client::Copy;
use kivi_store::{StoreId, inspect};
use rand::Rng;
use serde::Serialize;

use crate::{
    BackupName, Error,
    claim::claim,
    enlist::{Enlisted, enlist, find_data},
    entry,
    history::{History, backup},
    layout,
    manifest::{FORMAT, Manifest, as_text},
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
    /// Who asks for it; anybody's will do without one.
    pub uid: Option<String>,
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

/// Takes a backup. One of this name that is there already, with its data, is left as it is, and told of. The `clock` is asked
/// when it begins, when it is whole, and for the ages of the others.
///
/// # Errors
/// Nothing is told of then that is not whole; [`Error::NameTaken`] where somebody else had asked for what is there.
pub async fn take(
    place: &impl Place,
    server: &Server,
    order: &Order,
    clock: impl Fn() -> Timestamp,
) -> Result<Taken, Error> {
    // Before there is a snapshot: the server holds what is written while one is open, and breaks off when that is too much.
    let (history, there) = (History::read(place).await?, backup(place, &order.name).await?);
    let started_at = clock();
    let copy = server.snapshot().await?;
    let store_id = store_id(&copy)?;
    claim(place, store_id).await?;
    let manifest = if let Some(there) = there {
        drop(copy);
        own(place, order, there).await?
    } else {
        let kept = history.last();
        if copy.revision < kept {
            return Err(Error::StepsBack { destination: place.url(""), revision: copy.revision, kept });
        }
        let last_entry = last_entry(server, copy.revision).await;
        make(place, copy, Outset { order, store_id, last_entry, started_at }, &clock).await?
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

/// What is known of a backup before its data is read.
struct Outset<'o> {
    order: &'o Order,
    store_id: StoreId,
    last_entry: Option<String>,
    started_at: Timestamp,
}

/// The digest of the log's last entry. While the snapshot is open it is the same process that answers, over the same log.
async fn last_entry(server: &Server, revision: u64) -> Option<String> {
    entry::at(server, revision).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "The backup is taken without the last entry of its log.");
        None
    })
}

/// What is there under the name that is asked for, if it is what is asked for, and whole.
async fn own(place: &impl Place, order: &Order, there: Manifest) -> Result<Manifest, Error> {
    if order.uid.is_some() && order.uid != there.uid {
        let (location, revision) = (place.url(&layout::folder(&there.name)), there.revision);
        return Err(Error::NameTaken { location, revision, finished_at: there.finished_at });
    }
    find_data(place, &there).await.map(|()| there)
}

async fn make(
    place: &impl Place,
    copy: Copy,
    outset: Outset<'_>,
    clock: impl Fn() -> Timestamp,
) -> Result<Manifest, Error> {
    let object = layout::snapshot(&outset.order.name, copy.revision, rand::rng().random());
    let order = outset.order;
    let written = write(place, copy, outset, &object, clock).await;
    let enlisted = match written {
        Ok(manifest) => enlist(place, manifest).await,
        Err(error) => Enlisted::Refused(error),
    };
    match enlisted {
        Enlisted::Own(manifest) => Ok(manifest),
        Enlisted::Other(there) => {
            discard(place, &object).await;
            own(place, order, there).await
        }
        Enlisted::Refused(error) => {
            discard(place, &object).await;
            Err(error)
        }
        Enlisted::Unclear(error) => Err(error),
    }
}

/// Writes the data and reads it again; returns what is to be told of it.
async fn write(
    place: &impl Place,
    copy: Copy,
    outset: Outset<'_>,
    object: &str,
    clock: impl Fn() -> Timestamp,
) -> Result<Manifest, Error> {
    let Outset { order, store_id, last_entry, started_at } = outset;
    let (revision, state_hash) = (copy.revision, copy.state_hash.clone().unwrap_or_default());
    let (found, digested) = send(place, copy, object, inspect).await?;
    if (found.sequence, found.store_id) != (revision, store_id) || found.hash.to_string() != state_hash {
        return Err(Error::Sent("it is of another revision or store than the answer's head says".to_owned()));
    }
    read_again(place, object, &digested, inspect).await?;
    let (_, file) = object.rsplit_once('/').unwrap_or(("", object));
    Ok(Manifest {
        format: FORMAT,
        name: order.name.clone(),
        uid: order.uid.clone(),
        store_id,
        revision,
        keys: found.keys,
        snapshot: file.to_owned(),
        bytes: digested.bytes,
        sha256: digested.sha256,
        state_hash,
        last_entry,
        started_at,
        finished_at: clock(),
    })
}
