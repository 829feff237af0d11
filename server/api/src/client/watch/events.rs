//! Server-sent events from the bytes of a stream (HTML Living Standard, section 9.2.6). Pure.

use thiserror::Error;

/// The longest event of a watch with values, in bytes: more than the largest value takes in JSON.
const LONGEST: usize = 256 << 20;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// Its name.
    pub event: String,
    /// The id that it brought, where that is a number.
    pub id: Option<u64>,
    /// What it tells.
    pub data: String,
}

/// A stream that is none of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EventError {
    /// A line is not text.
    #[error("an event is not UTF-8")]
    Text,
    /// It does not end.
    #[error("an event has more than {longest} bytes")]
    TooLong {
        /// What it may have.
        longest: usize,
    },
}

/// Takes a stream apart, as it comes.
#[derive(Debug)]
pub struct Parser {
    longest: usize,
    /// The line that is not whole yet.
    line: Vec<u8>,
    event: Sent,
    has_data: bool,
    /// The byte before was a carriage return, whose line feed is no line of its own.
    after_return: bool,
}

impl Default for Parser {
    /// Of events that are as long as the largest value makes one.
    fn default() -> Self {
        Self::within(LONGEST)
    }
}

impl Parser {
    /// Of events of at most so many bytes.
    pub fn within(longest: usize) -> Self {
        Self { longest, line: Vec::new(), event: Sent::default(), has_data: false, after_return: false }
    }

    /// The events that end within these bytes.
    ///
    /// # Errors
    /// See [`EventError`]; the stream cannot be read on.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Sent>, EventError> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_return)
                && let Some(behind) = rest.strip_prefix(b"\n")
            {
                rest = behind;
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(rest);
                break;
            };
            self.line.extend_from_slice(&rest[..end]);
            self.after_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.line);
            if let Some(event) = self.line(str::from_utf8(&line).map_err(|_| EventError::Text)?) {
                events.push(event);
            }
        }
        if self.line.len() + self.event.data.len() > self.longest {
            return Err(EventError::TooLong { longest: self.longest });
        }
        Ok(events)
    }

    /// Reads a line; returns the event that it ends.
    fn line(&mut self, line: &str) -> Option<Sent> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => value.clone_into(&mut self.event.event),
            "id" => self.event.id = value.parse().ok(),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments, which have no name, and what is not known here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = ": hello\n\nevent: put\r\nid: 43\r\ndata: {\"a\":1}\r\n\r\ndata:b\rdata: c\r\rid: 7\n\nretry: 5\nevent: bookmark\ndata\n\ndata: cut";

    fn sent(event: &str, id: Option<u64>, data: &str) -> Sent {
        Sent { event: event.to_owned(), id, data: data.to_owned() }
    }

    proptest! {
        #[test]
        fn where_the_pieces_end_makes_no_difference(cuts in prop::collection::vec(0..STREAM.len(), 0..20)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for piece in cuts.windows(2) {
                events.extend(parser.feed(&STREAM.as_bytes()[piece[0]..piece[1]]).unwrap());
            }
            prop_assert_eq!(events, [
                sent("put", Some(43), "{\"a\":1}"),
                sent("", None, "b\nc"),
                sent("bookmark", None, ""),
            ]);
        }

        #[test]
        fn an_event_that_does_not_end_is_refused(length in 0..100_usize) {
            let piece = "data: ".to_owned() + &"x".repeat(length);
            prop_assert_eq!(Parser::within(50).feed(piece.as_bytes()).is_err(), piece.len() > 50);
        }

        #[test]
        fn no_bytes_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..5)) {
            let mut parser = Parser::default();
            for piece in pieces {
                let _ = parser.feed(&piece);
            }
        }
    }
}
