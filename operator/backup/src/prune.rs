//! Removing what is to go: backups that have outlived their time, entries that no backup leads to, and what earlier runs
//! left half done.

use std::{collections::BTreeSet, time::Duration};

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
    /// The backups; a report that is too long names not all of them.
    pub pruned: Vec<BackupName>,
    /// Of those that are counted by their times, the oldest that stays: all before it are gone, now or earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_kept: Option<BackupName>,
    /// Why not all of it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_pruned: Option<String>,
}

/// Removes what is to go beside what was `taken` just now. An error ends it: the rest goes the next time.
pub async fn prune(place: &impl Place, taken: &BackupName, retention: &Retention, now: Timestamp) -> Pruned {
    let (mut pruned, mut left) = (Vec::new(), BTreeSet::new());
    let removed = remove(place, taken, retention, now, &mut pruned, &mut left).await;
    let not_pruned = removed.err().map(|error| {
        tracing::warn!(%error, "Could not remove all that is to go.");
        error.to_string()
    });
    Pruned { pruned, oldest_kept: left.pop_first(), not_pruned }
}

/// Removes it, and tells what is gone, and what is left of those with times in their names.
async fn remove(
    place: &impl Place,
    taken: &BackupName,
    retention: &Retention,
    now: Timestamp,
    pruned: &mut Vec<BackupName>,
    left: &mut BTreeSet<BackupName>,
) -> Result<(), Error> {
    let history = History::read(place).await?;
    if !retention.prefix.is_empty() {
        let names = history.backups.iter().map(|backup| &backup.name).chain(&history.unreadable);
        left.extend(names.filter(|name| retention.counts(name)).cloned());
    }
    let gone = outlived(&history.backups, taken, retention, now);
    let (going, kept): (Vec<Manifest>, Vec<Manifest>) =
        history.backups.into_iter().partition(|backup| gone.contains(&backup.name));
    for name in gone {
        // What tells of it first, so that there is never a backup without its data.
        place.remove(&layout::manifest(&name)).await?;
        for backup in going.iter().filter(|backup| backup.name == name) {
            place.remove(&format!("{}/{}", layout::folder(&name), backup.snapshot)).await?;
        }
        left.remove(&name);
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
