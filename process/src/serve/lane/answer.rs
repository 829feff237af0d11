//! Answers as bytes: straight into what will be sent.

use std::io::Write;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE};
use http::{Response, StatusCode};
use httpdate::HttpDate;
use tokio::time::Instant;

/// Bodies above this length in bytes are sent from where they are.
const COPIED: usize = 16 << 10;
/// Bytes of an IMF-fixdate (RFC 9110 section 5.6.7).
const DATE_BYTES: usize = 29;

/// What goes out on one connection.
pub(super) struct Outbox {
    pub(super) bytes: Vec<u8>,
    /// Behind the bytes.
    pub(super) tail: Bytes,
    date: [u8; DATE_BYTES],
    /// The time that the date tells, and until when it is the right one.
    time: SystemTime,
    until: Instant,
}

impl Outbox {
    pub(super) fn new() -> Self {
        let (date, time, until) = ([0; DATE_BYTES], SystemTime::UNIX_EPOCH, Instant::now());
        Self { bytes: Vec::new(), tail: Bytes::new(), date, time, until }
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
            write_date(&mut self.date[..], self.time);
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

    /// Begins with these lines: status and fixed fields, each with its line's end.
    pub fn begin(&mut self, lines: &'static [u8]) {
        self.outbox.bytes.extend_from_slice(lines);
    }

    /// Adds a field. Name and value are those of a field: nothing here checks them.
    pub fn field(&mut self, name: &str, value: &[u8]) {
        self.parts(name, &[value]);
    }

    /// Adds a field whose value is made of parts.
    pub fn parts(&mut self, name: &str, value: &[&[u8]]) {
        let out = &mut self.outbox.bytes;
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        for part in value {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// Adds a field that is a number.
    pub fn number(&mut self, name: &str, number: u64) {
        self.field(name, itoa::Buffer::new().format(number).as_bytes());
    }

    /// Adds a field that is a time which has passed: never one behind the answer's own `Date` (RFC 9110 section
    /// 8.8.2.1), though the clock may have been set back.
    pub fn past(&mut self, name: &str, time: SystemTime) {
        if time >= self.outbox.time {
            let date = self.outbox.date;
            return self.field(name, &date);
        }
        let mut date = [0; DATE_BYTES];
        write_date(&mut date[..], time);
        self.field(name, &date);
    }

    /// Ends the answer with a body.
    pub fn end(&mut self, body: &[u8]) {
        self.end_without(body.len());
        self.outbox.bytes.extend_from_slice(body);
    }

    /// Ends the answer to a HEAD: it tells the length of a body that it has not.
    pub fn end_without(&mut self, length: usize) {
        self.number("content-length", u64::try_from(length).unwrap_or(u64::MAX));
        self.end_head();
    }

    /// Writes a whole answer in place of one piece by piece. To a HEAD it has no body.
    pub fn response(&mut self, response: &Response<Bytes>, is_head: bool) {
        let (status, body) = (response.status(), response.body());
        self.begin(b"HTTP/1.1 ");
        let reason = status.canonical_reason().unwrap_or_default();
        let line = [status.as_str().as_bytes(), b" ", reason.as_bytes(), b"\r\n"];
        self.outbox.bytes.extend(line.into_iter().flatten());
        for (name, value) in response.headers() {
            // Our own is written below.
            if name != DATE {
                self.field(name.as_str(), value.as_bytes());
            }
        }
        let bodiless = is_head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        if !bodiless && !response.headers().contains_key(CONTENT_LENGTH) {
            self.number("content-length", u64::try_from(body.len()).unwrap_or(u64::MAX));
        }
        self.end_head();
        if bodiless {
            return;
        }
        if body.len() > COPIED {
            self.outbox.tail = body.clone();
        } else {
            self.outbox.bytes.extend_from_slice(body);
        }
    }

    fn end_head(&mut self) {
        let date = self.outbox.date;
        self.field("date", &date);
        let out = &mut self.outbox.bytes;
        if self.last {
            out.extend_from_slice(b"connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn write_date(mut to: impl Write, time: SystemTime) {
    // It has room for exactly one.
    let _ = write!(to, "{}", HttpDate::from(time));
}
