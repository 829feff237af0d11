//! One connection with at most one request under way.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    time::Instant,
};

use mio::{Interest, Registry, Token};

use super::{
    answer::{Parsed, Wire},
    requests::Requests,
    stream::Stream,
    tls::Trust,
};
use crate::error::BenchError;

/// Room for an answer, in bytes; the longest one measured is below a kilobyte.
const ROOM: usize = 16 << 10;

pub(super) struct Connection {
    stream: Stream,
    wire: Wire,
    request: Vec<u8>,
    answer: Box<[u8]>,
    filled: usize,
    /// From when its latency counts; none while nothing is under way.
    pub(super) since: Option<Instant>,
}

impl Connection {
    /// Connects; with `trust`, its handshake is done.
    pub(super) fn open(target: SocketAddr, wire: Wire, trust: Option<&Trust>) -> io::Result<Self> {
        Ok(Self {
            stream: Stream::open(target, trust)?,
            wire,
            request: Vec::new(),
            answer: vec![0; ROOM].into_boxed_slice(),
            filled: 0,
            since: None,
        })
    }

    /// Has `poll`'s events of what arrives carry `number`.
    pub(super) fn register(&mut self, registry: &Registry, number: usize) -> io::Result<()> {
        registry.register(self.stream.socket(), Token(number), Interest::READABLE)
    }

    /// Sends a request. The one before was answered, so the socket has room for all of it.
    pub(super) fn send(&mut self, requests: &Requests, key: usize, since: Instant) -> Result<(), BenchError> {
        requests.write(key, &mut self.request);
        self.since = Some(since);
        match self.stream.write(&self.request) {
            Ok(written) if written == self.request.len() => Ok(()),
            Ok(_) => Err(BenchError::Client("a request did not fit the socket".to_owned())),
            Err(error) => Err(BenchError::Client(format!("cannot send a request: {error}"))),
        }
    }

    /// Takes what has arrived; true when the answer is whole.
    pub(super) fn receive(&mut self) -> Result<bool, BenchError> {
        loop {
            match self.stream.read(&mut self.answer[self.filled..]) {
                Ok(0) => return Err(BenchError::Client("the server closed a connection".to_owned())),
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(BenchError::Client(format!("cannot receive: {error}"))),
            }
            let received = &self.answer[..self.filled];
            match self.wire.parse(received) {
                Parsed::Good(length) if length == self.filled => {
                    self.filled = 0;
                    return Ok(true);
                }
                // There may be more already, of which no further event will tell.
                Parsed::Partial if self.filled < ROOM => {}
                Parsed::Good(_) | Parsed::Partial | Parsed::Bad => {
                    let text = String::from_utf8_lossy(&received[..received.len().min(300)]).into_owned();
                    return Err(BenchError::Client(format!("not the answer that was expected: {text}")));
                }
            }
        }
    }
}
