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
use kivi_process::serve::{Answer, Express, Handled, PlainRequest};
use kivi_store::{Condition, Put, Seen, Store};

use crate::routes::{Limits, StoreCell, media_type, store_problem, ttl_left};

/// Values above this length in bytes are not copied when they are read, and are bounded together when they are
/// written; both is the routes' way.
const SMALL: usize = 8 << 10;

const FOUND: &[u8] = b"HTTP/1.1 200 OK\r\naccept-ranges: bytes\r\nx-content-type-options: nosniff\r\n";
const WRITTEN: &[u8] = b"HTTP/1.1 201 Created\r\n";
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
    fn read(&self, store: &Store, key: &[u8], is_head: bool, answer: &mut Answer<'_>) -> Handled {
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

    async fn write(&self, store: &Store, put: Put, answer: &mut Answer<'_>) -> Handled {
        let recording = self.recorders.put.begin(answer.started());
        match store.put(put).await {
            Ok(put) => {
                answer.begin(WRITTEN);
                tag(answer, put.revision);
                answer.field("kivi-created", if put.created { b"true" } else { b"false" });
                answer.end(&[]);
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
    async fn answer(&self, request: &PlainRequest<'_>, answer: &mut Answer<'_>) -> Handled {
        let Some(path) = request.target.strip_prefix(key::PREFIX) else { return Handled::ByService };
        if path.is_empty() || path.starts_with('?') {
            // A list or a watch is made while it is read.
            return Handled::ByHyper;
        }
        let (true, Some(store)) = (self.answers, self.store.get()) else { return Handled::ByService };
        let Some(key) = plain_key(request.target).filter(|key| key.len() <= self.limits.key_bytes) else {
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
            match name.as_bytes().first().map(u8::to_ascii_lowercase) {
                Some(b'i' | b'k' | b'r') => special.any = true,
                Some(b'c') if name.eq_ignore_ascii_case("content-type") => {
                    special.any |= special.media_type.replace(value).is_some();
                }
                Some(b'c') if name.len() > 8 && name.as_bytes()[..8].eq_ignore_ascii_case(b"content-") => {
                    special.any |= !name.eq_ignore_ascii_case("content-length");
                }
                _ => {}
            }
        }
        special
    }
}

/// The key, if every byte of the target is one of a path's as URIs have them (RFC 3986 section 3.3).
fn plain_key(target: &str) -> Option<Cow<'_, [u8]>> {
    let of_path = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.'
                    | b'_'
                    | b'~'
                    | b'/'
                    | b'%'
                    | b':'
                    | b'@'
                    | b'!'
                    | b'$'
                    | b'&'
                    | b'\''
                    | b'('
                    | b')'
                    | b'*'
                    | b'+'
                    | b','
                    | b';'
                    | b'='
            )
    };
    target.bytes().all(of_path).then(|| key::from_path(target).ok())?
}

fn value(store: &Store, seen: &Seen<'_>, is_head: bool, answer: &mut Answer<'_>) {
    answer.begin(FOUND);
    answer.field("content-type", seen.media_type.unwrap_or(OCTET_STREAM).as_bytes());
    tag(answer, seen.revision);
    answer.past("last-modified", seen.modified);
    if let Some(left) = seen.expires.and_then(|expires| ttl_left(expires, store.now())) {
        answer.field("kivi-ttl", left.as_bytes());
    }
    if is_head {
        answer.end_without(seen.value.len());
    } else {
        answer.end(seen.value);
    }
}

fn tag(answer: &mut Answer<'_>, revision: u64) {
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(revision).as_bytes();
    answer.parts("etag", &[b"\"", digits, b"\""]);
    answer.field("kivi-revision", digits);
}
