//! Archiving the log: what was written since the last time is streamed to the destination, as one object.

use std::io::Read;

use kivi_api::client::Copy;
use kivi_store::{Damage, ExcerptReader, LogEntry, StoreId};
use serde::Serialize;

use crate::{
    Error,
    chain::Piece,
    claim::claim,
    entry,
    history::History,
    inspected::inspect,
    layout,
    manifest::Manifest,
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
    /// The last revision before a gap: what comes next was compacted away before it was archived, and the archive goes on behind
    /// the newest backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_behind: Option<u64>,
}

/// Archives a log step by step, and remembers how far it came.
#[derive(Debug, Default)]
pub struct Archiver {
    /// Where the archive ends, once that is known.
    end: Option<End>,
}

/// Where an archive ends.
#[derive(Debug, Clone)]
struct End {
    /// The last revision that is archived.
    revision: u64,
    entry: LastEntry,
}

/// What tells the entry of that revision.
#[derive(Debug, Clone)]
enum LastEntry {
    /// Its digest, where there is one.
    Digest(Option<String>),
    /// The object that ends with it.
    Of(Piece),
}

impl From<&Manifest> for End {
    fn from(backup: &Manifest) -> Self {
        Self { revision: backup.revision, entry: LastEntry::Digest(backup.last_entry.clone()) }
    }
}

impl Archiver {
    /// Archives what is new.
    ///
    /// # Errors
    /// [`Error::Compacted`] where the server has not got any more what comes next, and no backup holds it;
    /// [`Error::WentBack`] where what comes next goes on from something else than what is archived.
    pub async fn archive(&mut self, place: &impl Place, server: &Server) -> Result<Archived, Error> {
        let end = match self.end.clone() {
            Some(end) => end,
            None => begin(&History::read(place).await?, place)?,
        };
        let (mut end, copy, gap_behind) = match follow(place, server, &end).await? {
            Some(copy) => (end, copy, None),
            None => beyond_the_gap(place, server, end.revision).await?,
        };
        let store_id = store_id(&copy)?;
        claim(place, store_id).await?;
        let after = end.revision;
        let piece = (copy.revision > after).then_some(Piece { first: after + 1, last: copy.revision });
        if let Some(piece) = piece {
            let entry = LastEntry::Digest(keep(place, copy, store_id, piece).await?);
            end = End { revision: piece.last, entry };
        }
        self.end = Some(end);
        Ok(Archived {
            store_id: store_id.to_string(),
            first_revision: piece.map(|piece| piece.first),
            last_revision: piece.map(|piece| piece.last),
            entries: piece.map_or(0, |piece| piece.last - piece.first + 1),
            objects: u64::from(piece.is_some()),
            gap_behind,
        })
    }
}

/// Where an archive goes on: where it ends, or behind the newest backup where there is none yet.
fn begin(history: &History, place: &impl Place) -> Result<End, Error> {
    let archived = history.pieces.iter().max_by_key(|piece| (piece.last, piece.first));
    let archived = archived.map(|piece| End { revision: piece.last, entry: LastEntry::Of(*piece) });
    let nothing = || Error::NothingToGoOnBehind { destination: place.url("") };
    archived.or_else(|| history.newest().map(End::from)).ok_or_else(nothing)
}

/// What follows the end of an archive, where the log still has it, and goes on from that end. A log that went back and on
/// again has the same revision there, and another entry.
async fn follow(place: &impl Place, server: &Server, end: &End) -> Result<Option<Copy>, Error> {
    if let Some(before) = end.revision.checked_sub(1)
        && let Log::Copy(copy) = server.log(before).await?
        && copy.revision > end.revision
    {
        claim(place, store_id(&copy)?).await?;
        let kept = match &end.entry {
            LastEntry::Digest(digest) => digest.clone(),
            LastEntry::Of(piece) => last_entry(place, *piece).await?,
        };
        if kept.is_some() && kept != entry::first(*copy).await? {
            return Err(Error::WentBack { destination: place.url(""), revision: end.revision });
        }
    }
    match server.log(end.revision).await? {
        Log::Copy(copy) => Ok(Some(*copy)),
        Log::Compacted => Ok(None),
        Log::Ahead => Err(behind(place, server, end.revision).await?),
    }
}

/// The digest of the entry that an object ends with; `None` where that can't be read any more. Its loss is no reason to lose
/// more.
async fn last_entry(place: &impl Place, piece: Piece) -> Result<Option<String>, Error> {
    let object = layout::piece(piece);
    let Some(parts) = place.open(&object).await? else { return Ok(None) };
    match inspect(parts, read).await?.0 {
        Ok(excerpt) => Ok(excerpt.last.as_ref().map(entry::digest)),
        Err(damage) => {
            tracing::warn!(object = place.url(&object), %damage, "What was archived last is damaged.");
            Ok(None)
        }
    }
}

/// Goes on behind the newest backup, which holds what the archive has not.
async fn beyond_the_gap(
    place: &impl Place,
    server: &Server,
    after: u64,
) -> Result<(End, Copy, Option<u64>), Error> {
    let compacted = || Error::Compacted { after };
    let history = History::read(place).await?;
    let newest = history.newest().filter(|backup| backup.revision > after);
    let end = newest.map(End::from).ok_or_else(compacted)?;
    let copy = follow(place, server, &end).await?.ok_or_else(compacted)?;
    tracing::warn!(
        after,
        behind = end.revision,
        "The archive has a gap, as the log was compacted meanwhile; no revision within it can be restored by itself."
    );
    Ok((end, copy, Some(after)))
}

/// Why a store has not come as far as what is kept here: it is another one, or an older copy.
async fn behind(place: &impl Place, server: &Server, kept: u64) -> Result<Error, Error> {
    let copy = server.snapshot().await?;
    claim(place, store_id(&copy)?).await?;
    Ok(Error::StepsBack { destination: place.url(""), revision: copy.revision, kept })
}

/// Writes an object of what comes, and reads it again; returns the digest of its last entry.
async fn keep(
    place: &impl Place,
    copy: Copy,
    store_id: StoreId,
    piece: Piece,
) -> Result<Option<String>, Error> {
    let object = layout::piece(piece);
    let (found, digested) = send(place, copy, &object, read).await?;
    let kept = if (found.store_id, found.piece) == (store_id, piece) {
        read_again(place, &object, &digested, read).await
    } else {
        Err(Error::Sent("it is of other revisions or another store than the answer's head says".to_owned()))
    };
    if kept.is_err() {
        discard(place, &object).await;
    }
    kept.map(|()| found.last.as_ref().map(entry::digest))
}

/// What an excerpt is.
struct Excerpt {
    store_id: StoreId,
    piece: Piece,
    last: Option<LogEntry>,
}

/// Reads an excerpt to its end.
fn read(source: impl Read) -> Result<Excerpt, Damage> {
    let (mut reader, mut last) = (ExcerptReader::new(source)?, None);
    while let Some(mut entries) = reader.read()? {
        last = entries.pop();
    }
    let piece = Piece { first: reader.first(), last: reader.last() };
    Ok(Excerpt { store_id: reader.store_id(), piece, last })
}
