//! A load: some connections, each with one request under way, for a while or for each key once.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use mio::{Events, Poll};

use super::{answer::Wire, connection::Connection, requests::Requests, tls::Trust};
use crate::{error::BenchError, interrupt};

/// How long no answer at all may come; then the server hangs.
const SILENCE: Duration = Duration::from_secs(30);
/// The longest latency that is told from longer ones, in nanoseconds.
const LONGEST: u64 = 60_000_000_000;

/// Which keys are asked for, and when it is enough.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keys {
    /// Any, for so long.
    Random(Duration),
    /// Each once, in their order.
    EachOnce,
}

/// When a connection sends its next request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// When it has its answer.
    Closed,
    /// When it is due: so many a second on all connections together. Latency counts from then, sent or not, so a
    /// server that stalls does not spare itself the requests that would have come.
    Open(f64),
}

/// A load on one server.
#[derive(Debug)]
pub(crate) struct Load<'r> {
    pub(crate) target: SocketAddr,
    pub(crate) wire: Wire,
    /// Speak TLS, and trust this; none: in the clear.
    pub(crate) trust: Option<&'r Trust>,
    pub(crate) requests: &'r Requests,
    pub(crate) connections: usize,
    pub(crate) keys: Keys,
    pub(crate) pace: Pace,
    /// How long it runs before it is measured.
    pub(crate) warm_up: Duration,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Good answers a second.
    pub(crate) rps: f64,
    latency: Histogram<u64>,
}

impl Measured {
    /// Takes in the latencies of another one.
    pub(crate) fn merge(&mut self, other: &Self) {
        // Both have the same bounds, so it does not fail.
        let _ = self.latency.add(&other.latency);
    }

    /// The latency that so much of the answers stay below (0.99: all but one of a hundred), in milliseconds.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        Duration::from_nanos(self.latency.value_at_quantile(quantile)).as_secs_f64() * 1000.0
    }
}

impl Load<'_> {
    /// Runs it to its end.
    pub(crate) fn run(&self) -> Result<Measured, BenchError> {
        Run::new(self)?.run()
    }
}

struct Run<'l, 'r> {
    load: &'l Load<'r>,
    poll: Poll,
    connections: Vec<Connection>,
    /// Those without a request under way; an open load only has some.
    idle: Vec<usize>,
    picked: u64,
    next_key: usize,
    began: Instant,
    sent: u64,
    under_way: usize,
    answered: u64,
    latency: Histogram<u64>,
}

impl<'l, 'r> Run<'l, 'r> {
    fn new(load: &'l Load<'r>) -> Result<Self, BenchError> {
        let client =
            |error: std::io::Error| BenchError::Client(format!("cannot connect to {}: {error}", load.target));
        let poll = Poll::new().map_err(client)?;
        let mut connections = Vec::with_capacity(load.connections);
        for number in 0..load.connections {
            let mut connection = Connection::open(load.target, load.wire, load.trust).map_err(client)?;
            connection.register(poll.registry(), number).map_err(client)?;
            connections.push(connection);
        }
        let latency = Histogram::new_with_max(LONGEST, 3)
            .map_err(|error| BenchError::Client(format!("cannot make a histogram: {error}")))?;
        Ok(Self {
            load,
            poll,
            idle: (0..connections.len()).collect(),
            connections,
            picked: 0x9E37_79B9_7F4A_7C15,
            next_key: 0,
            began: Instant::now(),
            sent: 0,
            under_way: 0,
            answered: 0,
            latency,
        })
    }

    fn run(mut self) -> Result<Measured, BenchError> {
        let mut events = Events::with_capacity(self.connections.len());
        // An open load looks at the clock all the time: the machine's timers are too coarse for it.
        let wait = match self.load.pace {
            Pace::Closed => Duration::from_millis(100),
            Pace::Open(_) => Duration::ZERO,
        };
        self.began = Instant::now();
        let mut last_answer = self.began;
        self.send_due(self.began)?;
        while self.under_way > 0 || !self.is_over(Instant::now()) {
            interrupt::check()?;
            match self.poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                polled => polled.map_err(|error| BenchError::Client(format!("cannot poll: {error}")))?,
            }
            for event in &events {
                self.take(event.token().0)?;
            }
            let now = Instant::now();
            self.send_due(now)?;
            if !events.is_empty() {
                last_answer = now;
            } else if now.duration_since(last_answer) > SILENCE {
                return Err(BenchError::Client(format!(
                    "no answer from {} for {SILENCE:?}",
                    self.load.target
                )));
            }
        }
        let measured = self.began.elapsed().saturating_sub(self.warm_up());
        #[expect(clippy::cast_precision_loss, reason = "counts of answers are far below 2^52")]
        let rps = self.answered as f64 / measured.as_secs_f64();
        Ok(Measured { rps, latency: self.latency })
    }

    /// Takes what came on one connection, and sends the next request on it.
    fn take(&mut self, number: usize) -> Result<(), BenchError> {
        let connection = &mut self.connections[number];
        if !connection.receive()? {
            return Ok(());
        }
        let now = Instant::now();
        if let Some(since) = connection.since.take()
            && now.duration_since(self.began) >= self.warm_up()
        {
            self.answered += 1;
            let took = u64::try_from(now.duration_since(since).as_nanos()).unwrap_or(LONGEST);
            self.latency.saturating_record(took);
        }
        self.under_way -= 1;
        if matches!(self.load.pace, Pace::Closed) && !self.is_over(now) {
            self.send(number, now)
        } else {
            self.idle.push(number);
            Ok(())
        }
    }

    /// Sends what is due on connections that are idle.
    fn send_due(&mut self, now: Instant) -> Result<(), BenchError> {
        while !self.is_over(now) {
            let due = match self.load.pace {
                Pace::Closed => now,
                #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
                Pace::Open(rate) => self.began + Duration::from_secs_f64(self.sent as f64 / rate),
            };
            if due > now {
                return Ok(());
            }
            let Some(number) = self.idle.pop() else {
                return Ok(());
            };
            self.send(number, due)?;
        }
        Ok(())
    }

    fn send(&mut self, number: usize, since: Instant) -> Result<(), BenchError> {
        let key = self.pick();
        self.sent += 1;
        self.under_way += 1;
        self.connections[number].send(self.load.requests, key, since)
    }

    fn pick(&mut self) -> usize {
        let count = self.load.requests.keys();
        match self.load.keys {
            Keys::EachOnce => {
                self.next_key += 1;
                self.next_key - 1
            }
            Keys::Random(_) => {
                // Marsaglia's xorshift: any key as likely as another is all that is asked of it.
                self.picked ^= self.picked << 13;
                self.picked ^= self.picked >> 7;
                self.picked ^= self.picked << 17;
                usize::try_from(self.picked >> 1).unwrap_or(0) % count
            }
        }
    }

    fn is_over(&self, now: Instant) -> bool {
        match self.load.keys {
            Keys::EachOnce => self.next_key == self.load.requests.keys(),
            Keys::Random(length) => now.duration_since(self.began) >= length + self.warm_up(),
        }
    }

    /// Keys that are loaded once are all counted.
    fn warm_up(&self) -> Duration {
        match self.load.keys {
            Keys::EachOnce => Duration::ZERO,
            Keys::Random(_) => self.load.warm_up,
        }
    }
}
