//! Restoring: a new log of a backup, and of what the archive says behind it.
//!
//! What is to be laid over the backup is read first, into memory: each key that was changed, as it was left. Then the
//! backup is streamed through, checked, and becomes a log when its end has come and its digest is right.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use kivi_store::{Later, Presence, Restored, presence};
use serde::Serialize;

use crate::{
    BackupName, Error,
    chain::Upto,
    history::{History, backup},
    inspected::{Digester, Fed, inspect},
    later, layout,
    manifest::Manifest,
    place::Place,
};

/// What is to be restored, and where.
#[derive(Debug, Clone)]
pub struct Order {
    /// The backup; the newest that will do when there is no name.
    pub backup: Option<BackupName>,
    /// How far to go on behind it; not at all without it.
    pub upto: Option<Upto>,
    /// The directory of the new log.
    pub data_dir: PathBuf,
    /// Whether there is nothing to do where a log is.
    pub unless_exists: bool,
}

/// What was restored.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// Whether anything was.
    pub restored: bool,
    /// What it was.
    #[serde(flatten)]
    pub what: Option<What>,
}

/// What was restored.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct What {
    /// The backup.
    pub name: BackupName,
    /// Its folder, as a URL.
    pub location: String,
    /// The store that it is of, in hexadecimal digits. The restored one is another store.
    pub store_id: String,
    /// The revision whose state was restored.
    pub revision: u64,
    /// The revision behind which the restored store goes on.
    pub goes_on_behind_revision: u64,
    /// How many keys it holds.
    pub keys: u64,
    /// The hash of its state.
    pub state_hash: String,
}

/// Whether there is nothing to do: a log is there, and is to be left.
///
/// # Errors
/// When the directory can't be read.
pub async fn is_done(order: &Order) -> Result<bool, Error> {
    let data_dir = order.data_dir.clone();
    let present = tokio::task::spawn_blocking(move || presence(&data_dir)).await??;
    Ok(order.unless_exists && present == Presence::Log)
}

/// Restores. A directory in which a restore was interrupted is begun anew.
///
/// # Errors
/// There is no log then, but where there was one.
pub async fn restore(place: &impl Place, order: &Order) -> Result<Done, Error> {
    let backup = choose(place, order).await?;
    let later = match order.upto {
        None => Later::behind(backup.revision),
        Some(upto) => later::read(place, &backup, upto).await?,
    };
    let restored = stream(place, &backup, later, &order.data_dir).await?;
    Ok(Done {
        restored: true,
        what: Some(What {
            location: place.url(&layout::folder(&backup.name)),
            name: backup.name,
            store_id: backup.store_id.to_string(),
            revision: restored.sequence,
            goes_on_behind_revision: restored.goes_on_behind,
            keys: restored.keys,
            state_hash: restored.hash.to_string(),
        }),
    })
}

/// The backup that is asked for, whatever else is there, or the newest one that does not go too far.
async fn choose(place: &impl Place, order: &Order) -> Result<Manifest, Error> {
    let destination = || place.url("");
    let upto = match order.upto {
        Some(Upto::Revision(revision)) => Some(revision),
        Some(Upto::Latest) | None => None,
    };
    let found = if let Some(name) = &order.backup {
        let found = backup(place, name).await?;
        found.ok_or_else(|| Error::NoBackup { name: name.to_string(), destination: destination() })?
    } else {
        let history = History::read(place).await?;
        let found = match upto {
            Some(revision) => history
                .newest_at(revision)
                .ok_or_else(|| Error::NoBackupAt { revision, destination: destination() }),
            None => history.newest().ok_or_else(|| Error::NoBackups { destination: destination() }),
        };
        found?.clone()
    };
    match upto {
        Some(revision) if found.revision > revision => {
            Err(Error::Later { name: found.name.to_string(), of: found.revision, revision })
        }
        _ => Ok(found),
    }
}

/// Streams a backup into a new log.
async fn stream(
    place: &impl Place,
    backup: &Manifest,
    later: Later,
    data_dir: &Path,
) -> Result<Restored, Error> {
    let object = format!("{}/{}", layout::folder(&backup.name), backup.snapshot);
    let parts = place.open(&object).await?;
    let parts = parts.ok_or_else(|| Error::Vanished { object: place.url(&object) })?;
    let (backup, data_dir) = (backup.clone(), data_dir.to_owned());
    let (restored, _) = inspect(parts, move |source: Fed| {
        kivi_store::restore(
            &data_dir,
            Checked { source, digester: Some(Digester::default()), backup },
            Some(later),
        )
    })
    .await?;
    Ok(restored?)
}

/// The data of a backup, whose end is only told when it is what the manifest says.
struct Checked {
    source: Fed,
    digester: Option<Digester>,
    backup: Manifest,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        if read > 0 {
            if let Some(digester) = &mut self.digester {
                digester.add(&buffer[..read]);
            }
            return Ok(read);
        }
        let digested = self.digester.take().map(Digester::end);
        match digested {
            Some(digested)
                if (digested.bytes, &digested.sha256) != (self.backup.bytes, &self.backup.sha256) =>
            {
                Err(io::Error::other("its digest is not the one that the manifest names"))
            }
            _ => Ok(0),
        }
    }
}
