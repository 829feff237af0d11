//! `GET /v1/?watch=true`: the changes of a range as server-sent events (HTML Living Standard, section 9.2).
//!
//! - Ordered, unique, reliable: events come in the order of the log, each once, none left out.
//! - Atomic, resumable: only the last event of a revision carries its `id`, so whoever resumes from the last id he saw
//!   gets what is left of a revision that was cut.
//! - Bookmarkable: a bookmark says that everything up to its id was sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response};
use kivi_api::headers::{EVENT_STREAM, KIVI_REVISION, LAST_EVENT_ID};
use kivi_api::wire::{Bookmark, Event, KeyText, ValueText};
use kivi_api::{Problem, parameter};
use kivi_store::{EventKind, Scan, Scanner, Store, Watch};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::BoxError;

use super::answer::{Answer, Body};
use super::list::{json, milliseconds, range, wire};
use super::problems;
use super::query::Query;

/// How long it stays silent at most.
const BOOKMARK_EACH: Duration = Duration::from_secs(5);
/// How much of the present keys is read at a time.
const PIECE_ENTRIES: usize = 256;
const PIECE_BYTES: usize = 64 << 10;

/// A watch that is being sent.
struct Sending {
    /// The present keys, while they are sent.
    present: Option<Scanner>,
    watch: Watch,
    keys_only: bool,
    bookmark_at: Instant,
    ending: CancellationToken,
    ended: bool,
    /// One of so many watches; given back at the end.
    _permit: Option<OwnedSemaphorePermit>,
}

pub(super) fn answer(
    store: &Arc<Store>,
    query: &Query<'_>,
    headers: &HeaderMap,
    permit: Option<OwnedSemaphorePermit>,
    ending: CancellationToken,
) -> Answer {
    for name in [parameter::LIMIT, parameter::CURSOR, parameter::REVERSE] {
        if query.bytes(name)?.is_some() {
            return Err(problems::malformed(name, "a parameter of a list, and this is a watch"));
        }
    }
    let range = range(query)?;
    let (present, after) = if let Some(after) = after(query, headers)? {
        (None, after)
    } else {
        let scan = Scan { range: range.clone(), reverse: false, revision: None };
        let scanner = store.scan(scan).map_err(|error| problems::past(&error))?;
        let revision = scanner.revision();
        (Some(scanner), revision)
    };
    let watch = store.watch(range, Some(after)).map_err(|error| problems::past(&error))?;
    let sending = Sending {
        present,
        watch,
        keys_only: query.flag(parameter::KEYS_ONLY)?,
        bookmark_at: Instant::now(),
        ending,
        ended: false,
        _permit: permit,
    };
    let pieces = stream::unfold(sending, |mut sending| async {
        let piece = sending.next().await?;
        Some((piece, sending))
    });
    let mut response = Response::new(Body::Pieces(pieces.boxed()));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, EVENT_STREAM);
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that would wait for more.
    fields.insert("x-accel-buffering", HeaderValue::from_static("no"));
    fields.insert(KIVI_REVISION, HeaderValue::from(after));
    Ok(response)
}

/// Where to go on: what an `EventSource` saw last, or what the query says.
fn after(query: &Query<'_>, headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let asked = query.number(parameter::AFTER)?;
    Ok(seen(headers)?.or(asked))
}

/// What an `EventSource` saw last.
pub(super) fn seen(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(seen) = headers.get(LAST_EVENT_ID).filter(|seen| !seen.is_empty()) else { return Ok(None) };
    let digits = seen.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let revision = digits.and_then(|text| text.parse().ok());
    revision.map(Some).ok_or_else(|| problems::malformed("Last-Event-ID", "not a revision"))
}

impl Sending {
    /// The next piece of the body; `None` at the end.
    async fn next(&mut self) -> Option<Result<Bytes, BoxError>> {
        if self.ended {
            return None;
        }
        if let Some(scanner) = &mut self.present {
            return Some(match scanner.read(PIECE_ENTRIES, PIECE_BYTES) {
                Ok(found) if found.is_empty() => {
                    self.present = None;
                    Ok(self.bookmark())
                }
                Ok(found) => {
                    let mut piece = Vec::with_capacity(PIECE_BYTES / 4);
                    for (key, entry) in found {
                        event(&mut piece, "snapshot", None, &wire(&key, &entry, self.keys_only));
                    }
                    Ok(Bytes::from(piece))
                }
                Err(error) => {
                    self.ended = true;
                    Ok(failure(&problems::too_slow(error)))
                }
            });
        }
        let ending = self.ending.clone();
        Some(Ok(tokio::select! {
            biased;
            // The client comes back to the next server, and goes on from here.
            () = ending.cancelled() => {
                self.ended = true;
                self.bookmark()
            }
            events = self.watch.next() => match events {
                Ok(events) => {
                    self.bookmark_at = Instant::now() + BOOKMARK_EACH;
                    events_piece(&events, self.keys_only)
                }
                Err(error) => {
                    self.ended = true;
                    failure(&problems::lagged(error))
                }
            },
            () = sleep_until(self.bookmark_at) => self.bookmark(),
        }))
    }

    fn bookmark(&mut self) -> Bytes {
        self.bookmark_at = Instant::now() + BOOKMARK_EACH;
        let revision = self.watch.position();
        let mut piece = Vec::with_capacity(80);
        event(&mut piece, "bookmark", Some(revision), &Bookmark { revision });
        Bytes::from(piece)
    }
}

fn events_piece(events: &[kivi_store::Event], keys_only: bool) -> Bytes {
    let mut piece = Vec::with_capacity(events.len() * 200);
    for (at, changed) in events.iter().enumerate() {
        let last_of_revision = events.get(at + 1).is_none_or(|next| next.revision != changed.revision);
        let (name, entry) = match &changed.kind {
            EventKind::Put(entry) => ("put", Some(entry)),
            EventKind::Delete => ("delete", None),
            EventKind::Expire => ("expire", None),
        };
        let value = entry.filter(|_| !keys_only).map(|entry| ValueText::of(&entry.value));
        let data = Event {
            revision: changed.revision,
            key: KeyText(changed.key.to_vec()),
            modified_ms: milliseconds(changed.written),
            previous_revision: changed.previous,
            expires_ms: entry.and_then(|entry| entry.expires).map(milliseconds),
            media_type: entry.and_then(|entry| entry.media_type.as_deref()).map(str::to_owned),
            value: value.unwrap_or_default(),
        };
        event(&mut piece, name, last_of_revision.then_some(changed.revision), &data);
    }
    Bytes::from(piece)
}

/// One event. JSON has no line breaks of its own.
fn event(piece: &mut Vec<u8>, name: &str, id: Option<u64>, data: &impl serde::Serialize) {
    piece.extend_from_slice(format!("event: {name}\n").as_bytes());
    if let Some(id) = id {
        piece.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    piece.extend_from_slice(b"data: ");
    json(piece, data);
    piece.extend_from_slice(b"\n\n");
}

fn failure(problem: &Problem) -> Bytes {
    let mut piece = Vec::new();
    event(&mut piece, "error", None, problem);
    Bytes::from(piece)
}
