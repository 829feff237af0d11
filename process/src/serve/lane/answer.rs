//! Answers as bytes: straight into what will be sent.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Response, StatusCode};
use tokio::time::Instant;

use super::date::{DATE_BYTES, Dates};
use super::reply::each_of;

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
        Answer { outbox: self, started: now, last, dated: false }
    }
}

/// The length of a body that an answer's fields declare, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declared {
    Nothing,
    Length(u64),
    /// What is no number.
    Nonsense,
}

impl Declared {
    fn of(value: &[u8]) -> Self {
        let length = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        length.map_or(Self::Nonsense, Self::Length)
    }
}

/// An answer that is being written: a head, some fields, and a body.
pub struct Answer<'o> {
    outbox: &'o mut Outbox,
    started: Instant,
    last: bool,
    /// Whether the fields of a [`Reply`] tell a date.
    dated: bool,
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
        let bodiless = is_head || is_bodiless(response.status());
        let length = response.body().len() as u64;
        let framing = match self.begin(response.status(), |each| each_of(response.headers(), each)) {
            _ if bodiless => Framing::None,
            Declared::Nothing => Framing::Length(length),
            Declared::Length(_) | Declared::Nonsense => Framing::Declared(length),
        };
        self.end(framing);
        if !bodiless {
            self.add(response.body());
        }
    }

    /// Begins a head.
    pub fn status(&mut self, status: StatusCode) {
        let reason = status.canonical_reason().unwrap_or_default();
        for part in ["HTTP/1.1 ", status.as_str(), " ", reason, "\r\n"] {
            self.add(part.as_bytes());
        }
    }

    /// Writes the head of an answer, but for its end; returns the length that it declares.
    pub(super) fn begin(
        &mut self,
        status: StatusCode,
        fields: impl FnOnce(&mut dyn FnMut(&str, &[u8])),
    ) -> Declared {
        self.status(status);
        let mut declared = Declared::Nothing;
        self.dated = false;
        fields(&mut |name, value| {
            match name.len() {
                4 if name == "date" => self.dated = true,
                // Both are said below, for this connection.
                10 if name == "connection" => return,
                17 if name == "transfer-encoding" => return,
                // RFC 9110, section 8.6.
                14 if name == "content-length" && status == StatusCode::NO_CONTENT => return,
                14 if name == "content-length" => declared = Declared::of(value),
                _ => {}
            }
            self.field(name, value);
        });
        declared
    }

    /// Ends the head that was begun.
    pub(super) fn end(&mut self, framing: Framing) {
        match framing {
            Framing::Length(length) => {
                self.add(b"content-length: ");
                self.add_number(length);
                self.add(b"\r\n");
            }
            Framing::Chunked => self.field("transfer-encoding", b"chunked"),
            Framing::Declared(_) | Framing::None => {}
        }
        if self.dated { self.end_dated_head() } else { self.end_head() }
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
