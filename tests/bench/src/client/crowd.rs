//! Many connections that are opened first and then ask for the same, all at once.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::{Events, Poll};

use super::{answer::Wire, connection::Connection, requests::Requests, tls::Trust};
use crate::{error::BenchError, interrupt};

/// How long no answer at all may come; who waits then has none.
const SILENCE: Duration = Duration::from_secs(20);

/// Connections that are opened and used for the first time together.
const AT_ONCE: usize = 64;

/// When an answer was whole, or why there is none.
pub(crate) type Answer = Result<Instant, BenchError>;

/// Connections that stay open until this is dropped.
pub(crate) struct Crowd {
    poll: Poll,
    connections: Vec<Connection>,
}

impl Crowd {
    /// Opens `count` connections and asks on each for the first of `requests`, a few at a time: so many that connect at
    /// once find no room to wait in, and servers drop who connects and asks nothing.
    pub(crate) fn gather(
        target: SocketAddr,
        trust: Option<&Trust>,
        requests: &Requests,
        count: usize,
    ) -> Result<Self, BenchError> {
        let poll = Poll::new().map_err(|error| BenchError::Client(format!("cannot poll: {error}")))?;
        let mut crowd = Self { poll, connections: Vec::with_capacity(count) };
        while crowd.connections.len() < count {
            let begin = crowd.connections.len();
            for number in begin..count.min(begin + AT_ONCE) {
                crowd.open(target, trust, number).map_err(|error| {
                    BenchError::Client(format!("cannot open connection {} to {target}: {error}", number + 1))
                })?;
            }
            for answer in crowd.ask_from(begin, requests)? {
                answer?;
            }
        }
        Ok(crowd)
    }

    fn open(&mut self, target: SocketAddr, trust: Option<&Trust>, number: usize) -> io::Result<()> {
        let mut connection = Connection::open(target, Wire::Http, trust)?;
        connection.register(self.poll.registry(), number)?;
        self.connections.push(connection);
        Ok(())
    }

    /// Asks on all connections at once for the first of `requests`; when each had its answer, or why it has no good one.
    pub(crate) fn ask(&mut self, requests: &Requests) -> Result<Vec<Answer>, BenchError> {
        self.ask_from(0, requests)
    }

    /// The same on the connections from `begin` on.
    fn ask_from(&mut self, begin: usize, requests: &Requests) -> Result<Vec<Answer>, BenchError> {
        let mut answers = Vec::with_capacity(self.connections.len() - begin);
        let mut waiting = 0;
        for connection in &mut self.connections[begin..] {
            interrupt::check()?;
            answers.push(match connection.send(requests, 0, Instant::now()) {
                Ok(()) => {
                    waiting += 1;
                    Err(BenchError::Client(format!("no answer for {SILENCE:?}")))
                }
                Err(error) => {
                    connection.since = None;
                    Err(error)
                }
            });
        }
        self.receive(begin, waiting, &mut answers)?;
        Ok(answers)
    }

    /// Waits for so many answers on the connections from `begin` on.
    fn receive(
        &mut self,
        begin: usize,
        mut waiting: usize,
        answers: &mut [Answer],
    ) -> Result<(), BenchError> {
        let mut events = Events::with_capacity(1024);
        let mut last = Instant::now();
        while waiting > 0 && last.elapsed() < SILENCE {
            interrupt::check()?;
            match self.poll.poll(&mut events, Some(Duration::from_millis(100))) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled.map_err(|error| BenchError::Client(format!("cannot poll: {error}")))?,
            }
            for event in &events {
                let number = event.token().0;
                let connection = &mut self.connections[number];
                let outcome = connection.receive();
                last = Instant::now();
                if !matches!(outcome, Ok(false)) && connection.since.take().is_some() {
                    waiting -= 1;
                    answers[number - begin] = outcome.map(|_| last);
                }
            }
        }
        Ok(())
    }
}
