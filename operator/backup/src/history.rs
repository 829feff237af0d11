//! Everything that a destination holds: its backups, and the archived log.

use std::pin::pin;

use futures::{StreamExt, stream};

use crate::{
    BackupName, Error,
    chain::Piece,
    layout,
    manifest::{self, Manifest},
    place::{Object, Place},
};

/// How many manifests are read at a time: a bucket answers each in some ten milliseconds.
const AT_ONCE: usize = 16;

/// What a destination holds.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Its backups, in no order.
    pub backups: Vec<Manifest>,
    /// The archived entries, in no order.
    pub pieces: Vec<Piece>,
    /// Backups whose manifests cannot be read. They count for nothing, and what may be theirs stays.
    pub unreadable: Vec<BackupName>,
    /// Objects that are part of neither: of what is being written, or came to nothing.
    pub unfinished: Vec<Object>,
}

impl History {
    /// Reads it.
    ///
    /// # Errors
    /// When the place can't be read.
    pub async fn read(place: &impl Place) -> Result<Self, Error> {
        let mut history = Self::default();
        for object in place.list(layout::LOG).await? {
            match layout::piece_of(&object.name) {
                Some(piece) => history.pieces.push(piece),
                None => history.unfinished.push(object),
            }
        }
        let objects = place.list(layout::BACKUPS).await?;
        let manifests = objects.iter().filter_map(|object| layout::backup_of(&object.name));
        let names: Vec<_> = manifests.filter_map(|(name, is_manifest)| is_manifest.then_some(name)).collect();
        let reading = stream::iter(names).map(|name| async move { (backup(place, &name).await, name) });
        let mut reading = pin!(reading.buffer_unordered(AT_ONCE));
        while let Some((read, name)) = reading.next().await {
            match read {
                Err(error @ Error::Unreadable { .. }) => {
                    tracing::warn!(%error, "A backup does not count, and what it may need stays.");
                    history.unreadable.push(name);
                }
                // It may have been pruned meanwhile.
                read => history.backups.extend(read?),
            }
        }
        let unfinished: Vec<_> = objects.into_iter().filter(|object| history.is_unfinished(object)).collect();
        history.unfinished.extend(unfinished);
        Ok(history)
    }

    /// The newest backup.
    pub fn newest(&self) -> Option<&Manifest> {
        self.backups.iter().max_by_key(|backup| (backup.revision, backup.finished_at))
    }

    /// The newest backup that holds no revision behind this one.
    pub fn newest_at(&self, revision: u64) -> Option<&Manifest> {
        let older = self.backups.iter().filter(|backup| backup.revision <= revision);
        older.max_by_key(|backup| (backup.revision, backup.finished_at))
    }

    /// The last revision that anything here is of.
    pub fn last(&self) -> u64 {
        let archived = self.pieces.iter().map(|piece| piece.last);
        self.backups.iter().map(|backup| backup.revision).chain(archived).max().unwrap_or(0)
    }

    fn is_unfinished(&self, object: &Object) -> bool {
        let Some((name, _)) = layout::backup_of(&object.name) else { return false };
        match self.backups.iter().find(|backup| backup.name == name) {
            None => !self.unreadable.contains(&name),
            Some(backup) => {
                let own = format!("{}/{}", layout::folder(&name), backup.snapshot);
                object.name != own && object.name != layout::manifest(&name)
            }
        }
    }
}

/// The archived entries alone.
///
/// # Errors
/// When the place can't be read.
pub async fn pieces(place: &impl Place) -> Result<Vec<Piece>, Error> {
    let objects = place.list(layout::LOG).await?;
    Ok(objects.iter().filter_map(|object| layout::piece_of(&object.name)).collect())
}

/// One backup; `None` where there is none of this name.
///
/// # Errors
/// When its manifest can't be read.
pub async fn backup(place: &impl Place, name: &BackupName) -> Result<Option<Manifest>, Error> {
    let object = layout::manifest(name);
    let Some(bytes) = place.read(&object).await? else { return Ok(None) };
    let read = manifest::read(&bytes);
    read.map(Some).map_err(|reason| Error::Unreadable { object: place.url(&object), reason })
}
