//! Removing what is to go: backups that have outlived their time, entries that no backup leads to, and what earlier runs
//! left half done.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    BackupName, Error,
    history::History,
    layout,
    manifest::Manifest,
    place::{Object, Place},
    retention::{Retention, covered, outlived},
};

/// What is being written is no older. What is older, nobody works on any more.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// What was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pruned {
    /// The backups.
    pub pruned: Vec<BackupName>,
    /// Why not all of it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_pruned: Option<String>,
}

/// Removes what is to go beside what was `taken` just now. An error ends it: the rest goes the next time.
pub async fn prune(place: &impl Place, taken: &BackupName, retention: &Retention, now: Timestamp) -> Pruned {
    let mut pruned = Vec::new();
    let not_pruned = remove(place, taken, retention, now, &mut pruned).await.err().map(|error| {
        tracing::warn!(%error, "Could not remove all that is to go.");
        error.to_string()
    });
    Pruned { pruned, not_pruned }
}

async fn remove(
    place: &impl Place,
    taken: &BackupName,
    retention: &Retention,
    now: Timestamp,
    pruned: &mut Vec<BackupName>,
) -> Result<(), Error> {
    let history = History::read(place).await?;
    let gone = outlived(&history.backups, taken, retention, now);
    let (going, kept): (Vec<Manifest>, Vec<Manifest>) =
        history.backups.into_iter().partition(|backup| gone.contains(&backup.name));
    for name in gone {
        // What tells of it first, so that there is never a backup without its data.
        place.remove(&layout::manifest(&name)).await?;
        for backup in going.iter().filter(|backup| backup.name == name) {
            place.remove(&format!("{}/{}", layout::folder(&name), backup.snapshot)).await?;
        }
        pruned.push(name);
    }
    // What a backup leads to that cannot be read, nobody knows.
    let covered = if history.unreadable.is_empty() { covered(&history.pieces, &kept) } else { Vec::new() };
    for piece in covered {
        place.remove(&layout::piece(piece)).await?;
    }
    for object in history.unfinished.iter().filter(|object| is_abandoned(object, now)) {
        place.remove(&object.name).await?;
    }
    Ok(())
}

fn is_abandoned(object: &Object, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(object.written)).is_ok_and(|age| age > ABANDONED)
}
