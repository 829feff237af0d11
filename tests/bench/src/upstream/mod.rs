//! The server behind the proxies: a thread of this program that answers with the same bytes at once, or after a while,
//! and counts what it was asked. It listens on a Unix socket, as the server in a pod does, and on TCP.
//!
//! Not Kivi's own server, for three reasons: it does the least that a server on sockets can, so what is measured is the
//! proxies; it can take its time for an answer; and since it shares this program's clock, the end of a load is known as
//! exactly as a client's answer.

mod answers;
mod ask;
mod connection;
mod serve;

use std::{
    fs::{self, Permissions},
    io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use mio::{
    Poll, Waker,
    net::{TcpListener, UnixListener},
};
use tempfile::TempDir;

use self::serve::{Server, WAKER};
use crate::{error::BenchError, machine};

const SOCKET: &str = "upstream.sock";
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
    /// Where its socket is; removed with this value.
    folder: TempDir,
    seen: Arc<Seen>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// Starts it on a processor, with answers of so many bytes.
    pub(crate) fn start(processor: usize, length: usize) -> Result<Self, BenchError> {
        let failed =
            |source: io::Error| BenchError::Io { action: "start", path: "the upstream".into(), source };
        let poll = Poll::new().map_err(failed)?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(failed)?;
        let tcp = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        // Not among the subjects' files, whose paths may be longer than that of a socket may be.
        let folder = TempDir::new().map_err(failed)?;
        let socket = folder.path().join(SOCKET);
        let unix = UnixListener::bind(&socket).map_err(failed)?;
        // A proxy may have given up the rights of whoever started it.
        for (path, mode) in [(folder.path(), 0o755), (&socket, 0o666)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)?;
        }
        let seen = Arc::new(Seen::default());
        let server = Server::new(poll, (tcp, unix), Arc::clone(&seen), length).map_err(failed)?;
        let thread = std::thread::spawn(move || {
            let ended = machine::confine(processor).map_err(|error| error.to_string());
            // A load on an upstream that ended fails and says so; here is why.
            if let Err(error) =
                ended.and_then(|()| server.serve().map_err(|error| format!("the upstream ended: {error}")))
            {
                eprintln!("    {error}");
            }
        });
        Ok(Self { address, folder, seen, waker, thread: Some(thread) })
    }

    /// The path of its Unix socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(SOCKET)
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
    use std::{
        io::{Read, Write},
        os::unix::net::UnixStream,
    };

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

    /// Sends requests for `paths` behind each other on the socket, all before an answer is read.
    fn pipeline<'p>(upstream: &Upstream, paths: impl Iterator<Item = &'p str>) -> UnixStream {
        let mut stream = UnixStream::connect(upstream.socket()).unwrap();
        stream.set_read_timeout(Some(40 * LOAD)).unwrap();
        let requests: String = paths.flat_map(|path| ["GET ", path, "a HTTP/1.1\r\n\r\n"]).collect();
        stream.write_all(requests.as_bytes()).unwrap();
        stream
    }

    /// Whether the next answer may be kept.
    fn may_be_kept(stream: &mut UnixStream) -> bool {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream.read_exact(&mut [0; LENGTH]).unwrap();
        String::from_utf8(head).unwrap().contains("max-age")
    }

    #[test]
    fn requests_behind_each_other_are_answered_in_their_order() {
        let upstream = Upstream::start(0, LENGTH).unwrap();
        let mut stream = pipeline(&upstream, [PLAIN, FRESH, SLOW, PLAIN, FRESH, SLOW, PLAIN].into_iter());
        let kept = [(); 7].map(|()| may_be_kept(&mut stream));
        assert_eq!(kept, [false, true, true, false, true, true, false]);
        assert_eq!(upstream.asked(), 7);
    }

    #[test]
    fn answers_wait_for_room_in_the_socket() {
        // More than a socket holds.
        const COUNT: u16 = 4096;
        let upstream = Upstream::start(0, LENGTH).unwrap();
        let paths = (0..COUNT).map(|number| if number % 3 == 0 { FRESH } else { PLAIN });
        let mut stream = pipeline(&upstream, paths);
        for number in 0..COUNT {
            assert_eq!(may_be_kept(&mut stream), number % 3 == 0, "{number}");
        }
        assert_eq!(upstream.asked(), u64::from(COUNT));
    }
}
