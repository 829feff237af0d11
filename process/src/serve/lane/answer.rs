//! Answers as bytes: straight into what will be sent.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE};
use http::{Response, StatusCode};
use tokio::time::Instant;

use super::date::{DATE_BYTES, Dates};

/// Bodies above this length in bytes are sent from where they are.
const COPIED: usize = 16 << 10;

/// What goes out on one connection.
pub(super) struct Outbox {
    pub(super) bytes: Vec<u8>,
    /// Behind the bytes.
    pub(super) tail: Bytes,
    /// The date of an answer that is written now, the time that it tells, and until when it is the right one.
    date: [u8; DATE_BYTES],
    time: SystemTime,
    until: Instant,
    dates: Dates,
}

impl Outbox {
    pub(super) fn new() -> Self {
        let (date, time, until) = ([0; DATE_BYTES], SystemTime::UNIX_EPOCH, Instant::now());
        Self { bytes: Vec::new(), tail: Bytes::new(), date, time, until, dates: Dates::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.tail.is_empty()
    }

    /// Forgets what was sent, and keeps at most so many bytes of room.
    pub(super) fn clear(&mut self, room: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(room);
        self.tail = Bytes::new();
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
        self.add(if self.last { b"\r\nconnection: close\r\n\r\n" } else { b"\r\n\r\n" });
    }

    /// Writes a whole answer in place of one part by part. To a HEAD it has no body.
    pub fn response(&mut self, response: &Response<Bytes>, is_head: bool) {
        let (status, body) = (response.status(), response.body());
        let reason = status.canonical_reason().unwrap_or_default();
        for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
            self.add(part.as_bytes());
        }
        // Our own date is written below.
        for (name, value) in response.headers().iter().filter(|(name, _)| *name != DATE) {
            self.field(name.as_str(), value.as_bytes());
        }
        let bodiless = is_head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        if !bodiless && !response.headers().contains_key(CONTENT_LENGTH) {
            self.field("content-length", itoa::Buffer::new().format(body.len()).as_bytes());
        }
        self.end_head();
        if !bodiless && body.len() <= COPIED {
            self.add(body);
        } else if !bodiless {
            self.outbox.tail = body.clone();
        }
    }

    fn field(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.add(part);
        }
    }
}
