//! One connection to the upstream: requests that came behind each other are answered in their order, with one write
//! for all that one read brought.

use std::{
    collections::VecDeque,
    io::{self, Read, Write},
    mem,
};

use mio::{Interest, Registry, Token, event::Source};

use super::{
    answers::Answers,
    ask::{self, Ask},
};

/// A socket of either family.
pub(super) trait Stream: Read + Write + Source + Send {}

impl<S: Read + Write + Source + Send> Stream for S {}

pub(super) struct Connection {
    stream: Box<dyn Stream>,
    token: Token,
    /// The beginning of a request.
    begun: Vec<u8>,
    /// What is not answered yet: a slow request, and what came behind it.
    owed: VecDeque<Ask>,
    /// Answers on their way into the socket.
    leaving: Vec<u8>,
    /// Whether the socket has no room for them.
    is_full: bool,
}

impl Connection {
    pub(super) fn new(mut stream: Box<dyn Stream>, token: Token, registry: &Registry) -> io::Result<Self> {
        registry.register(&mut *stream, token, Interest::READABLE)?;
        let (begun, owed, leaving) = (Vec::new(), VecDeque::new(), Vec::new());
        Ok(Self { stream, token, begun, owed, leaving, is_full: false })
    }

    /// Takes what came, by way of `room`, tells `asked` of each request, and makes the answers of those that need not
    /// wait. An error is its end.
    pub(super) fn take(
        &mut self,
        room: &mut [u8],
        answers: &Answers,
        mut asked: impl FnMut(Ask),
    ) -> io::Result<()> {
        loop {
            let count = match self.stream.read(room) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => read?,
            };
            // Most come whole, and need no copy.
            let mut begun = mem::take(&mut self.begun);
            let mut bytes = &room[..count];
            if !begun.is_empty() {
                begun.extend_from_slice(bytes);
                bytes = &begun;
            }
            while let Some((ask, length)) = ask::read(bytes) {
                bytes = &bytes[length..];
                asked(ask);
                if ask.is_slow() || !self.owed.is_empty() {
                    self.owed.push_back(ask);
                } else {
                    self.leaving.extend_from_slice(answers.to(ask));
                }
            }
            self.begun = bytes.to_vec();
            // A stream that had less than there was room for is empty, and tells when there is more.
            if count < room.len() {
                return Ok(());
            }
        }
    }

    /// Makes the answer of the slow request that has waited longest, and of those behind it up to the next slow one.
    pub(super) fn load(&mut self, answers: &Answers) {
        let mut next = self.owed.pop_front();
        while let Some(ask) = next {
            self.leaving.extend_from_slice(answers.to(ask));
            next = self.owed.pop_front_if(|ask| !ask.is_slow());
        }
    }

    /// Sends the answers that are made, as far as there is room. An error is its end.
    pub(super) fn send(&mut self, registry: &Registry) -> io::Result<()> {
        let mut sent = 0;
        while sent < self.leaving.len() {
            match self.stream.write(&self.leaving[sent..]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                written => sent += written?,
            }
        }
        self.leaving.drain(..sent);
        let is_full = !self.leaving.is_empty();
        if mem::replace(&mut self.is_full, is_full) != is_full {
            // Only while it waits for room: else each answer that is read would wake this thread.
            let interest = if is_full { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            registry.reregister(&mut *self.stream, self.token, interest)?;
        }
        Ok(())
    }
}
