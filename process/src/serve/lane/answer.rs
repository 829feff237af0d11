//! Answers as bytes: straight into what will be sent.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING};
use http::{HeaderMap, Response, StatusCode};
use tokio::time::Instant;

use super::date::{DATE_BYTES, Dates};

/// Parts of a body above this length in bytes are sent from where they are.
pub(super) const COPIED: usize = 16 << 10;

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// By a length, in bytes, that the fields tell already.
    Declared(u64),
    /// By a length, in bytes.
    Length(u64),
    /// By its last chunk.
    Chunked,
    /// There is none.
    None,
}

/// What goes out on one connection.
pub(super) struct Outbox {
    pub(super) bytes: Vec<u8>,
    /// The date of an answer that is written now, the time that it tells, and until when it is the right one.
    date: [u8; DATE_BYTES],
    time: SystemTime,
    until: Instant,
    dates: Dates,
}

impl Outbox {
    pub(super) fn new() -> Self {
        let (date, time, until) = ([0; DATE_BYTES], SystemTime::UNIX_EPOCH, Instant::now());
        Self { bytes: Vec::new(), date, time, until, dates: Dates::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets what was sent, and keeps at most so many bytes of room.
    pub(super) fn clear(&mut self, room: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(room);
    }

    /// Adds the line before a chunk of a body, which is not empty (RFC 9112 section 7.1).
    pub(super) fn chunk_size(&mut self, length: usize) {
        let digits = length.ilog2() / 4;
        for digit in (0..=digits).rev() {
            self.bytes.push(b"0123456789abcdef"[(length >> (4 * digit)) & 15]);
        }
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// Room for the next answer; after it the connection closes if it is the `last`.
    pub(super) fn answer(&mut self, now: Instant, last: bool) -> Answer<'_> {
        if self.until <= now {
            // A clock before the epoch has no date of this form.
            let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            self.until = now + Duration::from_nanos(1_000_000_000 - u64::from(since_epoch.subsec_nanos()));
            self.time = SystemTime::UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs());
            self.date = self.dates.format(self.time);
        }
        Answer { outbox: self, started: now, last }
    }
}

/// An answer that is being written: a head, some fields, and a body.
pub struct Answer<'o> {
    outbox: &'o mut Outbox,
    started: Instant,
    last: bool,
}

impl Answer<'_> {
    /// When its request was there.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Makes room for so many bytes: then none of the parts has to.
    pub fn reserve(&mut self, bytes: usize) {
        self.outbox.bytes.reserve(bytes);
    }

    /// Adds a part of the head, or of the body. Nothing here checks it.
    pub fn add(&mut self, part: &[u8]) {
        self.outbox.bytes.extend_from_slice(part);
    }

    /// Adds a number in digits.
    pub fn add_number(&mut self, number: u64) {
        self.add(itoa::Buffer::new().format(number).as_bytes());
    }

    /// Adds a time which has passed, as fields have it: never one behind the answer's own `Date` (RFC 9110 section
    /// 8.8.2.1), though the clock may have been set back.
    pub fn add_past(&mut self, time: SystemTime) {
        let later = time >= self.outbox.time;
        let date = if later { self.outbox.date } else { self.outbox.dates.format(time) };
        self.add(&date);
    }

    /// Ends the head, whose last line is ended: `Date`, what is to be said of the connection, and an empty line.
    pub fn end_head(&mut self) {
        let date = self.outbox.date;
        self.add(b"date: ");
        self.add(&date);
        self.add(b"\r\n");
        self.end_dated_head();
    }

    /// Ends a head that has a `Date`.
    pub fn end_dated_head(&mut self) {
        self.add(if self.last { b"connection: close\r\n\r\n" } else { b"\r\n" });
    }

    /// Writes a whole answer in place of one part by part. To a HEAD it has no body.
    pub fn response(&mut self, response: &Response<Bytes>, is_head: bool) {
        let (status, body) = (response.status(), response.body());
        let bodiless = is_head || is_bodiless(status);
        let framing = match response.headers().contains_key(CONTENT_LENGTH) {
            _ if bodiless => Framing::None,
            true => Framing::Declared(body.len() as u64),
            false => Framing::Length(body.len() as u64),
        };
        self.head(status, response.headers(), framing);
        if !bodiless {
            self.add(body);
        }
    }

    /// Begins a head.
    pub fn status(&mut self, status: StatusCode) {
        let reason = status.canonical_reason().unwrap_or_default();
        for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
            self.add(part.as_bytes());
        }
    }

    /// Writes a whole head.
    pub(super) fn head(&mut self, status: StatusCode, headers: &HeaderMap, framing: Framing) {
        self.status(status);
        let mut dated = false;
        for (name, value) in headers {
            // Both are said below, for this connection.
            if name == CONNECTION || name == TRANSFER_ENCODING {
                continue;
            }
            dated |= name == DATE;
            self.field(name.as_str(), value.as_bytes());
        }
        match framing {
            Framing::Length(length) => {
                self.field("content-length", itoa::Buffer::new().format(length).as_bytes());
            }
            Framing::Chunked => self.field("transfer-encoding", b"chunked"),
            Framing::Declared(_) | Framing::None => {}
        }
        if dated { self.end_dated_head() } else { self.end_head() }
    }

    /// Adds a field. Nothing here checks it.
    pub fn field(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.add(part);
        }
    }
}

/// Whether answers with this status have no body (RFC 9110 section 6.4.1).
pub(super) fn is_bodiless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) || status.is_informational()
}
