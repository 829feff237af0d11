//! What the archive says behind a backup: each key that was changed, as it was left, in memory.

use std::io;

use kivi_store::{Damage, ExcerptReader, Later};

use crate::{
    Error,
    chain::{Piece, Upto, chain},
    entry::digest,
    history,
    inspected::{Fed, inspect},
    layout,
    manifest::Manifest,
    place::Place,
};

/// Reads it, without a gap.
pub(crate) async fn read(place: &impl Place, backup: &Manifest, upto: Upto) -> Result<Later, Error> {
    let gap = |missing| Error::Gap { destination: place.url(""), name: backup.name.to_string(), missing };
    let held = history::pieces(place).await?;
    let pieces = chain(&held, backup.revision, upto).map_err(gap)?;
    let last = match upto {
        Upto::Revision(revision) => revision,
        Upto::Latest => u64::MAX,
    };
    let mut later = Later::behind(backup.revision);
    if let Some(first) = pieces.first() {
        compare(place, &held, *first, backup).await?;
    }
    for piece in pieces {
        later = add(place, piece, backup, later, last).await?;
    }
    Ok(later)
}

/// Finds that the archive goes on from this backup, where an object tells that has its last entry and is not read anyhow. That
/// one may be lost: then nothing tells.
async fn compare(place: &impl Place, held: &[Piece], first: Piece, backup: &Manifest) -> Result<(), Error> {
    let holds = |piece: &&Piece| (piece.first..=piece.last).contains(&backup.revision);
    let Some(piece) = held.iter().find(holds).filter(|_| !holds(&&first)) else { return Ok(()) };
    match add(place, *piece, backup, Later::behind(backup.revision), backup.revision).await {
        Err(error @ (Error::Damaged { .. } | Error::Vanished { .. })) => {
            tracing::warn!(%error, "Nothing tells whether the archive goes on from the backup.");
            Ok(())
        }
        compared => compared.map(drop),
    }
}

/// Adds what one object holds up to the entry `last`.
async fn add(
    place: &impl Place,
    piece: Piece,
    backup: &Manifest,
    mut later: Later,
    last: u64,
) -> Result<Later, Error> {
    let object = layout::piece(piece);
    let url = place.url(&object);
    let parts = place.open(&object).await?.ok_or_else(|| Error::Vanished { object: url.clone() })?;
    let (backup, destination) = (backup.clone(), place.url(""));
    let (read, _) = inspect(parts, move |source: Fed| {
        let damaged = |reason| Error::Damaged { object: url.clone(), reason };
        let mut reader = ExcerptReader::new(source).map_err(damaged)?;
        if reader.store_id() != backup.store_id {
            return Err(Error::ForeignObject { object: url.clone() });
        }
        let mut behind = later.last();
        while let Some(entries) = reader.read().map_err(damaged)? {
            let own = entries.iter().find(|entry| entry.sequence == backup.revision);
            if own.is_some_and(|own| backup.last_entry.as_ref().is_some_and(|last| *last != digest(own))) {
                let (name, revision) = (backup.name.to_string(), backup.revision);
                return Err(Error::OtherPast { name, destination, revision });
            }
            for entry in entries.iter().filter(|entry| entry.sequence > behind && entry.sequence <= last) {
                later.add(entry).map_err(|gap| damaged(Damage::Io(io::Error::other(gap))))?;
            }
            behind = later.last();
        }
        Ok(later)
    })
    .await?;
    read
}
