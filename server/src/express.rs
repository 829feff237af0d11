//! What most requests are, answered without a detour: GET and HEAD of a key, and PUT of one, that ask for nothing
//! special. Every other request is the routes'.
//!
//! It must answer as the routes do, to the byte but for the order of fields; a test sends both the same requests.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use kivi_api::{Problem, key};
use kivi_layers::metrics::{HttpMetrics, Recorder};
use kivi_process::listen::Peer;
use kivi_process::serve::{Answer, Express, Handled, Never, PlainRequest};
use kivi_store::{Condition, Put, Seen, Store};

use crate::routes::{Limits, StoreCell, media_type, store_problem, ttl_left};

/// Values above this length in bytes are not copied when they are read, and are bounded together when they are
/// written; both is the routes' way.
const SMALL: usize = 8 << 10;

/// The longest head of an answer, in bytes, with the longest media type.
const HEAD: usize = 1 << 10;
const OCTET_STREAM: &str = "application/octet-stream";

/// The lane of one server.
#[derive(Clone)]
pub(crate) struct Lane {
    store: StoreCell,
    limits: Limits,
    /// Whether it may answer by itself: nobody asks for tokens, and nobody takes spans.
    answers: bool,
    recorders: Arc<Recorders>,
}

struct Recorders {
    get: Recorder,
    head: Recorder,
    put: Recorder,
}

/// What is special in the fields of a request.
#[derive(Default)]
struct Special<'r> {
    /// Fields that only the routes know what to do with.
    any: bool,
    media_type: Option<&'r [u8]>,
}

impl Lane {
    pub(crate) fn new(store: StoreCell, limits: Limits, metrics: &HttpMetrics, answers: bool) -> Self {
        let recorder = |method, status| metrics.recorder(method, "/v1/{key}", status);
        let recorders = Recorders {
            get: recorder("GET", StatusCode::OK),
            head: recorder("HEAD", StatusCode::OK),
            put: recorder("PUT", StatusCode::CREATED),
        };
        Self { store, limits, answers, recorders: Arc::new(recorders) }
    }

    /// Answers with the key's value, if it is there and small.
    fn read(&self, store: &Store, key: &[u8], is_head: bool, answer: &mut Answer<'_>) -> Handled<Never> {
        let recorder = if is_head { &self.recorders.head } else { &self.recorders.get };
        let started = answer.started();
        let found = store.look(key, |seen| {
            let small = seen.value.len() <= SMALL;
            if small {
                value(store, &seen, is_head, answer);
            }
            small
        });
        if found != Some(true) {
            return Handled::ByService;
        }
        recorder.begin(started).answered();
        Handled::Answered
    }

    async fn write(&self, store: &Store, put: Put, answer: &mut Answer<'_>) -> Handled<Never> {
        let recording = self.recorders.put.begin(answer.started());
        match store.put(put).await {
            Ok(put) => {
                answer.reserve(HEAD);
                answer.add(b"HTTP/1.1 201 Created\r\n");
                tag(answer, put.revision);
                answer.add(if put.created { b"kivi-created: true\r\n" } else { b"kivi-created: false\r\n" });
                answer.add(b"content-length: 0\r\n");
                answer.end_head();
                recording.answered();
            }
            Err(error) => {
                let response = Problem::into_response(store_problem(&error));
                answer.response(&response, false);
                recording.failed(response.status());
            }
        }
        Handled::Answered
    }
}

impl Express for Lane {
    type Later = Never;

    async fn answer(&self, request: &PlainRequest<'_>, _: &Peer, answer: &mut Answer<'_>) -> Handled<Never> {
        let Some(path) = request.target.strip_prefix(key::PREFIX) else { return Handled::ByService };
        if path.is_empty() || path.starts_with(['?', '#']) {
            // A list or a watch is made while it is read.
            return Handled::ByHyper;
        }
        let (true, Some(store)) = (self.answers, self.store.get()) else { return Handled::ByService };
        let Some(key) = plain_key(path).filter(|key| key.len() <= self.limits.key_bytes) else {
            return Handled::ByService;
        };
        let special = Special::of(request);
        match request.method {
            _ if special.any => Handled::ByService,
            "GET" | "HEAD" if request.body.is_empty() => {
                self.read(store, &key, request.method == "HEAD", answer)
            }
            "PUT" if request.body.len() <= self.limits.value_bytes.min(SMALL) => {
                let text = special.media_type.map(|text| str::from_utf8(text).ok().and_then(media_type));
                let Some(media_type) = text.map_or(Some(None), |known| known.map(Some)) else {
                    return Handled::ByService;
                };
                // One allocation for both.
                let mut key = Bytes::from([&key, request.body].concat());
                let value = key.split_off(key.len() - request.body.len());
                let put =
                    Put { key, value, media_type, ttl: None, condition: Condition::None, request: None };
                self.write(store, put, answer).await
            }
            _ => Handled::ByService,
        }
    }
}

impl<'r> Special<'r> {
    fn of(request: &PlainRequest<'r>) -> Self {
        let mut special = Self::default();
        for (name, value) in request.fields() {
            // By the first letter: few fields begin like these, and no condition, range or name is overlooked.
            match (name.as_bytes().first().map(u8::to_ascii_lowercase), name.len()) {
                (Some(b'i' | b'k' | b'r'), _) => special.any = true,
                (Some(b'c'), 14) if name.eq_ignore_ascii_case("content-length") => {}
                (Some(b'c'), 12) if name.eq_ignore_ascii_case("content-type") => {
                    special.any |= special.media_type.replace(value).is_some();
                }
                (Some(b'c'), 9..) => special.any |= name.as_bytes()[..8].eq_ignore_ascii_case(b"content-"),
                _ => {}
            }
        }
        special
    }
}

/// The key, if every byte of the path is one of a path's as URIs have them (RFC 3986 section 3.3).
fn plain_key(path: &str) -> Option<Cow<'_, [u8]>> {
    let mut kinds = 0;
    for byte in path.bytes() {
        kinds |= PATH[usize::from(byte)];
    }
    match kinds {
        PLAIN => Some(Cow::Borrowed(path.as_bytes())),
        kinds if kinds & OTHER == 0 => key::decode(path).ok(),
        _ => None,
    }
}

const PLAIN: u8 = 1;
const ENCODED: u8 = 2;
const OTHER: u8 = 4;

/// What each byte is in a path.
const PATH: [u8; 256] = {
    let mut kinds = [OTHER; 256];
    let mut byte = 0;
    while byte < 128 {
        #[expect(clippy::cast_possible_truncation, reason = "it is below 128")]
        let character = byte as u8;
        let sub_delimiter =
            matches!(character, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=');
        let unreserved = character.is_ascii_alphanumeric() || matches!(character, b'-' | b'.' | b'_' | b'~');
        if unreserved || sub_delimiter || matches!(character, b'/' | b':' | b'@') {
            kinds[byte] = PLAIN;
        } else if character == b'%' {
            kinds[byte] = ENCODED;
        }
        byte += 1;
    }
    kinds
};

fn value(store: &Store, seen: &Seen<'_>, is_head: bool, answer: &mut Answer<'_>) {
    answer.reserve(HEAD + seen.value.len());
    answer
        .add(b"HTTP/1.1 200 OK\r\naccept-ranges: bytes\r\nx-content-type-options: nosniff\r\ncontent-type: ");
    answer.add(seen.media_type.filter(|name| is_field(name)).unwrap_or(OCTET_STREAM).as_bytes());
    answer.add(b"\r\n");
    tag(answer, seen.revision);
    answer.add(b"last-modified: ");
    answer.add_past(seen.modified);
    if let Some(left) = seen.expires.and_then(|expires| ttl_left(expires, store.now())) {
        answer.add(b"\r\nkivi-ttl: ");
        answer.add(left.as_bytes());
    }
    answer.add(b"\r\ncontent-length: ");
    answer.add_number(seen.value.len() as u64);
    answer.add(b"\r\n");
    answer.end_head();
    if !is_head {
        answer.add(seen.value);
    }
}

/// Whether a text can be a field's value: what came from a copy of a store was never a field.
fn is_field(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}

fn tag(answer: &mut Answer<'_>, revision: u64) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(revision).as_bytes();
    for part in [b"etag: \"", digits, b"\"\r\nkivi-revision: ", digits, b"\r\n"] {
        answer.add(part);
    }
}
