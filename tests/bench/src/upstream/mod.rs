//! The server behind the proxies: a thread of this program that answers with the same bytes at once, or after a while,
//! and counts what it was asked.
//!
//! Not Kivi's own server, for three reasons: it does the least that a server on sockets can, so what is measured is the
//! proxies; it can take its time for an answer; and since it shares this program's clock, the end of a load is known as
//! exactly as a client's answer.

mod ask;
mod serve;

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use mio::{Poll, Waker, net::TcpListener};

use self::serve::{Server, WAKER};
use crate::{error::BenchError, machine};

/// Bytes of its answers where nothing else is said.
pub(crate) const LENGTH: usize = 256;
/// How long a load of [`SLOW`] and [`TOGETHER`] takes.
pub(crate) const LOAD: Duration = Duration::from_millis(500);

/// Answers that nobody is told to keep.
pub(crate) const PLAIN: &str = "/v1/";
/// Answers that may be kept for an hour.
pub(crate) const FRESH: &str = "/fresh/";
/// The same, each [`LOAD`] after it was asked for.
pub(crate) const SLOW: &str = "/slow/";
/// The same, all of them [`LOAD`] after the first was asked for: what a proxy of no cost would do.
pub(crate) const TOGETHER: &str = "/together/";

/// What the thread tells.
#[derive(Debug, Default)]
struct Seen {
    asked: AtomicU64,
    /// When the first slow answer was given.
    filled: OnceLock<Instant>,
    over: AtomicBool,
}

/// A server that runs; dropped, it ends.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Starts it on a processor, with answers of so many bytes, which must fit a socket's buffer.
    pub(crate) fn start(processor: usize, length: usize) -> Result<Self, BenchError> {
        let failed =
            |source: io::Error| BenchError::Io { action: "start", path: "the upstream".into(), source };
        let poll = Poll::new().map_err(failed)?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(failed)?;
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let seen = Arc::new(Seen::default());
        let server = Server::new(poll, listener, Arc::clone(&seen), length).map_err(failed)?;
        let thread = std::thread::spawn(move || {
            let ended = machine::confine(processor).map_err(|error| error.to_string());
            // A load on an upstream that ended fails and says so; here is why.
            if let Err(error) =
                ended.and_then(|()| server.serve().map_err(|error| format!("the upstream ended: {error}")))
            {
                eprintln!("    {error}");
            }
        });
        Ok(Self { address, seen, waker, thread: Some(thread) })
    }

    /// Requests so far.
    pub(crate) fn asked(&self) -> u64 {
        self.seen.asked.load(Ordering::Relaxed)
    }

    /// When the first slow answer was given.
    pub(crate) fn filled(&self) -> Option<Instant> {
        self.seen.filled.get().copied()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.seen.over.store(true, Ordering::Relaxed);
        if self.waker.wake().is_ok()
            && let Some(thread) = self.thread.take()
        {
            // It panicked, which its own message told.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Answer, Crowd, KeySpace, Requests};

    /// When each of so many clients, who ask at once, has its answer.
    fn ask(upstream: &Upstream, path: &str, clients: usize) -> Vec<Answer> {
        let get = |path| Requests::new(format!("GET {path}"), KeySpace::plain(1), " HTTP/1.1\r\n\r\n");
        let mut crowd = Crowd::gather(upstream.address, None, &get(PLAIN), clients).unwrap();
        crowd.ask(&get(path)).unwrap()
    }

    #[test]
    fn slow_answers_come_behind_the_fill_and_each_request_is_counted() {
        let upstream = Upstream::start(0, LENGTH).unwrap();
        let asked = Instant::now();
        for (path, clients, sum) in [(PLAIN, 3, 6), (FRESH, 2, 10)] {
            assert!(ask(&upstream, path, clients).iter().all(Result::is_ok), "{path}");
            assert_eq!((upstream.asked(), upstream.filled()), (sum, None), "{path}");
        }
        let answers = ask(&upstream, TOGETHER, 20);
        let filled = upstream.filled().unwrap();
        assert!(filled - asked >= LOAD);
        assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| *answer >= filled)));
        assert_eq!(upstream.asked(), 50);
    }
}
