//! What is measured: Kivi's server and its peers, each started by this program, on one processor of the machine, and
//! stopped by it.

mod etcd;
mod go_map;
mod kivi;
mod nginx;
mod process;
mod programs;
mod proxy;
mod redis;
mod responder;
mod rest;

use std::{net::SocketAddr, time::Duration};

pub(crate) use self::{
    kivi::Kivi,
    programs::Programs,
    proxy::{Certificate, Proxy, ProxyKind, ProxyPrograms, Role, Setting, Transport},
    responder::respond,
    rest::requests as rest_requests,
};
use crate::{
    client::{KeySpace, Keys, Load, Pace, Requests, Wire},
    error::BenchError,
};
use process::Process;

/// How long a server may take to be ready.
const START: Duration = Duration::from_secs(120);
/// How long a load runs before it is measured.
pub(crate) const WARM_UP: Duration = Duration::from_millis(300);

/// A server that runs; dropped, it is killed and its files are removed.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    api: Api,
    /// Where it tells its metrics; only Kivi does.
    health: Option<SocketAddr>,
    process: Process,
}

/// How a subject is spoken to.
#[derive(Debug, Clone, Copy)]
enum Api {
    /// `/v1/{key}`
    Rest,
    /// GET and SET.
    Redis,
    /// `/v3/kv/`, in JSON.
    Etcd,
}

/// Which of the peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The server that is measured.
    Kivi,
    /// Answers every request with the same 256 bytes, from its configuration.
    NginxReturn,
    /// A map and an unsynced text log.
    GoMap,
    /// Syncs before each answer.
    RedisAlways,
    /// Syncs once a second.
    RedisEverysec,
    /// A synced log, spoken to in JSON.
    EtcdJson,
    /// Answers every request with the same bytes and looks at none: the least that a server on sockets can do.
    Limit,
}

impl Peer {
    /// Starts it with no data.
    pub(crate) fn start(self, programs: &Programs) -> Result<Subject, BenchError> {
        match self {
            Self::Kivi => Kivi::new(programs)?.start(),
            Self::NginxReturn => nginx::start(programs),
            Self::GoMap => go_map::start(programs),
            Self::RedisAlways => redis::start(programs, "redis-always", "always"),
            Self::RedisEverysec => redis::start(programs, "redis-everysec", "everysec"),
            Self::EtcdJson => etcd::start(programs),
            Self::Limit => responder::start(programs),
        }
    }
}

impl Subject {
    /// What it is asked to read a value.
    pub(crate) fn get(&self, keys: usize) -> Requests {
        match self.api {
            Api::Rest => rest::get(self.address, keys),
            Api::Redis => Requests::new("*2\r\n$3\r\nGET\r\n$16\r\n", KeySpace::plain(keys), "\r\n"),
            Api::Etcd => etcd::get(self.address, keys),
        }
    }

    /// What it is asked to write a value of `length` bytes.
    pub(crate) fn put(&self, keys: usize, length: usize) -> Requests {
        let value = value(length);
        match self.api {
            Api::Rest => rest::put(self.address, keys, &value),
            Api::Redis => {
                let after = format!("\r\n${length}\r\n{value}\r\n");
                Requests::new("*3\r\n$3\r\nSET\r\n$16\r\n", KeySpace::plain(keys), after)
            }
            Api::Etcd => etcd::put(self.address, keys, &value),
        }
    }

    /// A load on it, as fast as it answers.
    pub(crate) fn load<'r>(&self, requests: &'r Requests, connections: usize, keys: Keys) -> Load<'r> {
        let (target, wire, pace) = (self.address, self.wire(), Pace::Closed);
        Load { target, wire, trust: None, requests, connections, keys, pace, warm_up: WARM_UP }
    }

    /// Writes each of the first `keys` keys once.
    pub(crate) fn fill(&self, keys: usize, length: usize) -> Result<(), BenchError> {
        self.load(&self.put(keys, length), 256, Keys::EachOnce)
            .run()
            .map(drop)
            .map_err(|error| self.tell(error))
    }

    /// The memory it has of its own, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64, BenchError> {
        self.process.resident_bytes()
    }

    /// The present value of one of its metrics.
    pub(crate) fn scrape(&self, metric: &str) -> Option<f64> {
        let text = process::fetch(self.health?, "/metrics").ok()?;
        text.lines().find_map(|line| line.strip_prefix(metric)?.trim().parse().ok())
    }

    /// Adds to a failed load why the server may have failed it.
    pub(crate) fn tell(&self, error: BenchError) -> BenchError {
        match error {
            BenchError::Client(what) => self.process.failed(what),
            other => other,
        }
    }

    fn wire(&self) -> Wire {
        match self.api {
            Api::Rest | Api::Etcd => Wire::Http,
            Api::Redis => Wire::Resp,
        }
    }
}

/// A value of printable bytes, so that every protocol carries it as it is.
fn value(length: usize) -> String {
    ('a'..='z').cycle().take(length).collect()
}
