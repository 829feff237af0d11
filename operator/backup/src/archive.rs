//! Archiving the log: what was written since the last time is streamed to the destination, as one object.

use std::io::Read;

use kivi_api::client::Copy;
use kivi_store::{Damage, ExcerptReader, StoreId};
use serde::Serialize;

use crate::{
    Error,
    chain::Piece,
    claim::claim,
    history::History,
    layout,
    place::Place,
    server::{Log, Server, store_id},
    transfer::{discard, read_again, send},
};

/// What was archived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Archived {
    /// Whose log it is, in hexadecimal digits.
    pub store_id: String,
    /// The first revision; none when nothing was new.
    pub first_revision: Option<u64>,
    /// The last revision; none when nothing was new.
    pub last_revision: Option<u64>,
    /// How many revisions.
    pub entries: u64,
    /// How many objects were written.
    pub objects: u64,
}

/// Archives a log step by step, and remembers how far it came.
#[derive(Debug, Default)]
pub struct Archiver {
    /// The last revision that is archived, once it is known.
    archived: Option<u64>,
}

impl Archiver {
    /// Archives what is new.
    ///
    /// # Errors
    /// [`Error::Compacted`] where the server has not got any more what comes next, and no backup holds it.
    pub async fn archive(&mut self, place: &impl Place, server: &Server) -> Result<Archived, Error> {
        let after = match self.archived {
            Some(after) => after,
            None => begin(&History::read(place).await?, place)?,
        };
        let (after, copy) = match server.log(after).await? {
            Log::Copy(copy) => (after, *copy),
            Log::Compacted => beyond_the_gap(place, server, after).await?,
            Log::Ahead => return Err(behind(place, server, after).await?),
        };
        let store_id = store_id(&copy)?;
        claim(place, store_id).await?;
        let piece = (copy.revision > after).then_some(Piece { first: after + 1, last: copy.revision });
        if let Some(piece) = piece {
            keep(place, copy, store_id, piece).await?;
        }
        self.archived = Some(piece.map_or(after, |piece| piece.last));
        Ok(Archived {
            store_id: store_id.to_string(),
            first_revision: piece.map(|piece| piece.first),
            last_revision: piece.map(|piece| piece.last),
            entries: piece.map_or(0, |piece| piece.last - piece.first + 1),
            objects: u64::from(piece.is_some()),
        })
    }
}

/// Where an archive goes on: where it ends, or behind the newest backup where there is none yet.
fn begin(history: &History, place: &impl Place) -> Result<u64, Error> {
    let archived = history.pieces.iter().map(|piece| piece.last).max();
    let backed_up = history.newest().map(|backup| backup.revision);
    let nothing = || Error::NothingToGoOnBehind { destination: place.url("") };
    archived.or(backed_up).ok_or_else(nothing)
}

/// Goes on behind the newest backup, which holds what the archive has not.
async fn beyond_the_gap(place: &impl Place, server: &Server, after: u64) -> Result<(u64, Copy), Error> {
    let compacted = || Error::Compacted { after };
    let history = History::read(place).await?;
    let newest = history.newest().map(|backup| backup.revision).filter(|revision| *revision > after);
    let behind = newest.ok_or_else(compacted)?;
    let Log::Copy(copy) = server.log(behind).await? else { return Err(compacted()) };
    tracing::warn!(
        after,
        behind,
        "The archive has a gap, as the log was compacted meanwhile; no revision within it can be restored by itself."
    );
    Ok((behind, *copy))
}

/// Why a store has not come as far as what is kept here: it is another one, or an older copy.
async fn behind(place: &impl Place, server: &Server, kept: u64) -> Result<Error, Error> {
    let copy = server.snapshot().await?;
    claim(place, store_id(&copy)?).await?;
    Ok(Error::StepsBack { destination: place.url(""), revision: copy.revision, kept })
}

/// Writes an object of what comes, and reads it again.
async fn keep(place: &impl Place, copy: Copy, store_id: StoreId, piece: Piece) -> Result<(), Error> {
    let object = layout::piece(piece);
    let (found, digested) = send(place, copy, &object, read).await?;
    let kept = if found == (store_id, piece) {
        read_again(place, &object, &digested, read).await
    } else {
        Err(Error::Sent("it is of other revisions or another store than the answer's head says".to_owned()))
    };
    if kept.is_err() {
        discard(place, &object).await;
    }
    kept
}

/// Reads an excerpt to its end; whose it is, and what it holds.
fn read(source: impl Read) -> Result<(StoreId, Piece), Damage> {
    let mut reader = ExcerptReader::new(source)?;
    while reader.read()?.is_some() {}
    Ok((reader.store_id(), Piece { first: reader.first(), last: reader.last() }))
}
