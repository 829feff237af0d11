//! `GET /v1/`: the keys of a range in order, page by page or all at once. What a client has not read is not made.

use std::collections::VecDeque;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, Response};
use kivi_api::Problem;
use kivi_api::headers::{JSON, KIVI_REVISION, LINES};
use kivi_api::parameter;
use kivi_api::wire::{Entry, KeyText, ListEnd, ValueText};
use kivi_store::{KeyRange, Scan, Scanner, SnapshotError, Store};

use super::answer::{Answer, Body};
use super::cursor::Cursor;
use super::problems;
use super::query::Query;

/// A page ends behind so many bytes of keys and values.
const PAGE_BYTES: usize = 4 << 20;
/// How much is read from the store for one piece of the body.
const PIECE_ENTRIES: usize = 256;
const PIECE_BYTES: usize = 64 << 10;

/// How the entries are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One JSON object.
    Object,
    /// An entry a line, the end as the last one.
    Lines,
}

/// A list that is being written.
struct List {
    scanner: Scanner,
    form: Form,
    keys_only: bool,
    /// What the page may still hold; without it, everything.
    page: Option<Page>,
    state: State,
}

struct Page {
    entries: usize,
    bytes: usize,
    last: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    First,
    More,
    Ended,
}

pub(super) fn answer(store: &Arc<Store>, query: &Query<'_>, headers: &HeaderMap) -> Answer {
    let mut scan = Scan { range: range(query)?, reverse: query.flag(parameter::REVERSE)?, revision: None };
    let limit = query.number(parameter::LIMIT)?;
    if limit.is_some_and(|limit| !(1..=parameter::MAX_LIMIT).contains(&limit)) {
        return Err(problems::malformed(parameter::LIMIT, "not a number from 1 to 10000"));
    }
    if let Some(text) = query.bytes(parameter::CURSOR)? {
        let cursor = Cursor::decode(&text).ok_or_else(|| {
            problems::malformed(
                parameter::CURSOR,
                "not one that this store has given; begin again without it",
            )
        })?;
        scan.revision = Some(cursor.revision);
        let beyond = Bound::Excluded(cursor.last);
        let rest = if scan.reverse {
            KeyRange { start: Bound::Unbounded, end: beyond }
        } else {
            KeyRange { start: beyond, end: Bound::Unbounded }
        };
        scan.range = scan.range.within(rest);
    }
    let form = if prefers_lines(headers) { Form::Lines } else { Form::Object };
    let scanner = store.scan(scan).map_err(|error| problems::past(&error))?;
    let revision = scanner.revision();
    let page = limit.map(|limit| Page {
        entries: usize::try_from(limit).unwrap_or(usize::MAX),
        bytes: PAGE_BYTES,
        last: Bytes::new(),
    });
    let list =
        List { scanner, form, keys_only: query.flag(parameter::KEYS_ONLY)?, page, state: State::Begin };
    let mut response = Response::new(Body::Pieces(stream::iter(list).map(|piece| Ok(piece?)).boxed()));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, if form == Form::Lines { LINES } else { JSON });
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.insert(KIVI_REVISION, HeaderValue::from(revision));
    Ok(response)
}

/// The range that `prefix`, `start` and `end` name together.
pub(super) fn range(query: &Query<'_>) -> Result<KeyRange, Problem> {
    let owned = |name| Ok::<_, Problem>(query.bytes(name)?.map(|bytes| Bytes::copy_from_slice(&bytes)));
    let start = owned(parameter::START)?.map_or(Bound::Unbounded, Bound::Included);
    let end = owned(parameter::END)?.map_or(Bound::Unbounded, Bound::Excluded);
    let prefix = owned(parameter::PREFIX)?.map_or_else(KeyRange::all, KeyRange::prefix);
    Ok(prefix.within(KeyRange { start, end }))
}

fn prefers_lines(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|line| {
        line.to_str()
            .is_ok_and(|line| line.split(',').any(|one| one.trim().starts_with("application/x-ndjson")))
    })
}

impl Iterator for List {
    type Item = Result<Bytes, SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == State::Ended {
            return None;
        }
        let mut piece = Vec::with_capacity(PIECE_BYTES / 4);
        if self.state == State::Begin {
            self.state = State::First;
            if self.form == Form::Object {
                piece.extend_from_slice(
                    format!("{{\"revision\":{},\"entries\":[", self.scanner.revision()).as_bytes(),
                );
            }
        }
        if let Err(error) = self.write(&mut piece) {
            self.state = State::Ended;
            return Some(Err(error));
        }
        Some(Ok(Bytes::from(piece)))
    }
}

impl List {
    /// Writes the next entries, or the end.
    fn write(&mut self, piece: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let (entries, bytes) = self.page.as_ref().map_or((PIECE_ENTRIES, PIECE_BYTES), |page| {
            (page.entries.min(PIECE_ENTRIES), page.bytes.min(PIECE_BYTES))
        });
        let full = entries == 0 || bytes == 0;
        let found: VecDeque<_> =
            if full { VecDeque::new() } else { self.scanner.read(entries, bytes)?.into() };
        if found.is_empty() {
            // A full page may have been the last one; only a look behind it tells.
            let more = full && !self.scanner.read(1, 1)?.is_empty();
            let last = self.page.take().filter(|_| more).map(|page| page.last);
            self.end(piece, last);
            return Ok(());
        }
        for (key, entry) in found {
            if let Some(page) = &mut self.page {
                page.entries -= 1;
                page.bytes = page.bytes.saturating_sub(key.len() + entry.value.len());
                page.last = key.clone();
            }
            if self.form == Form::Object && self.state == State::More {
                piece.push(b',');
            }
            self.state = State::More;
            json(piece, &wire(&key, &entry, self.keys_only));
            if self.form == Form::Lines {
                piece.push(b'\n');
            }
        }
        Ok(())
    }

    fn end(&mut self, piece: &mut Vec<u8>, last: Option<Bytes>) {
        let revision = self.scanner.revision();
        let cursor = last.map(|last| Cursor { revision, last }.encode());
        if self.form == Form::Lines {
            json(piece, &ListEnd { revision, cursor });
            piece.push(b'\n');
        } else {
            piece.extend_from_slice(b"],\"cursor\":");
            json(piece, &cursor);
            piece.push(b'}');
        }
        self.state = State::Ended;
    }
}

/// An entry as it is written in lists and at the start of a watch.
pub(super) fn wire(key: &[u8], entry: &kivi_store::Entry, keys_only: bool) -> Entry {
    Entry {
        key: KeyText(key.to_vec()),
        revision: entry.revision,
        modified_ms: milliseconds(entry.modified),
        expires_ms: entry.expires.map(milliseconds),
        media_type: entry.media_type.as_deref().map(str::to_owned),
        value: if keys_only { ValueText::default() } else { ValueText::of(&entry.value) },
    }
}

/// Strings, numbers and maps of them always make JSON, and a vector takes whatever it is given.
pub(super) fn json(piece: &mut Vec<u8>, value: &impl serde::Serialize) {
    let _ = serde_json::to_writer(piece, value);
}

pub(super) fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
