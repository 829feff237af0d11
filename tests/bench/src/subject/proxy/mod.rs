//! Kivi's sidecar and other proxies, each in front of the same upstream, on one processor.

mod certificate;
mod haproxy;
mod kivi;
mod nginx;
mod programs;
mod varnish;

use std::{fs, net::SocketAddr, path::Path};

use tempfile::TempDir;

pub(crate) use self::{certificate::Certificate, programs::ProxyPrograms};
use super::{
    WARM_UP,
    process::{Process, answers, free_address},
};
use crate::{
    client::{KeySpace, Keys, Load, Pace, Requests, Trust, Wire},
    error::BenchError,
    upstream::{PLAIN, Upstream},
};

/// Connections that each of them is to hold, and some to spare.
const CONNECTIONS: usize = 11_000;

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    /// The sidecar that is measured.
    Kivi,
    /// With `proxy_cache_lock`, so that one request loads what others wait for.
    Nginx,
    /// Its cache has no lock: who finds nothing asks the server.
    Haproxy,
    /// Threads instead of one loop, though all on one processor; no TLS.
    Varnish,
    /// None: the upstream itself, over TCP, since that is how the clients connect.
    Direct,
}

/// What a proxy is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Keep what may be kept, and load it once at a time where it can.
    Cache,
    /// Keep nothing.
    Forward,
}

/// How it reaches the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A Unix socket, as a sidecar reaches its server.
    Unix,
    Tcp,
}

/// Where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'s> {
    pub(crate) programs: &'s ProxyPrograms,
    pub(crate) upstream: &'s Upstream,
    pub(crate) transport: Transport,
    pub(crate) role: Role,
    /// Shown by those who speak TLS; without it, none does.
    pub(crate) certificate: Option<&'s Certificate>,
}

/// A proxy that runs; dropped, it is killed and its files are removed.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// With which it is spoken to; none: in the clear.
    pub(crate) trust: Option<Trust>,
    process: Option<Process>,
}

impl ProxyKind {
    /// Starts it with nothing kept.
    pub(crate) fn start(self, setting: &Setting<'_>) -> Result<Proxy, BenchError> {
        match self {
            Self::Kivi => kivi::start(setting),
            Self::Nginx => nginx::start(setting),
            Self::Haproxy => haproxy::start(setting),
            Self::Varnish => varnish::start(setting),
            Self::Direct => {
                Ok(Proxy { name: "direct", address: setting.upstream.address, trust: None, process: None })
            }
        }
    }
}

impl<'s> Setting<'s> {
    /// In the clear, with the upstream on its Unix socket.
    pub(crate) fn new(programs: &'s ProxyPrograms, upstream: &'s Upstream, role: Role) -> Self {
        Self { programs, upstream, transport: Transport::Unix, role, certificate: None }
    }

    /// The upstream as a configuration writes it: `unix` and the path of its socket, or `tcp` and its address.
    fn server(&self, unix: &str, tcp: &str) -> String {
        match self.transport {
            Transport::Unix => format!("{unix}{}", self.upstream.socket().display()),
            Transport::Tcp => format!("{tcp}{}", self.upstream.address),
        }
    }

    fn folder(&self) -> Result<TempDir, BenchError> {
        Process::folder(&self.programs.scratch)
    }

    fn trust(&self) -> Option<Trust> {
        self.certificate.map(|certificate| certificate.trust.clone())
    }
}

impl Proxy {
    /// Waits until it listens.
    fn listening(
        name: &'static str,
        address: SocketAddr,
        trust: Option<Trust>,
        mut process: Process,
    ) -> Result<Self, BenchError> {
        // What it answers in the clear and what in TLS differs; that it accepts does not.
        let request = format!("GET {PLAIN}ready HTTP/1.1\r\nHost: {address}\r\n\r\n");
        let is_tls = trust.is_some();
        process.wait(|| {
            if is_tls {
                std::net::TcpStream::connect(address).is_ok()
            } else {
                answers(address, &request, "HTTP/1.1 200")
            }
        })?;
        Ok(Self { name, address, trust, process: Some(process) })
    }

    /// GETs of the first `keys` keys behind `path`, one of the upstream's.
    pub(crate) fn get(&self, path: &str, keys: usize) -> Requests {
        let after = format!(" HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        Requests::new(format!("GET {path}"), KeySpace::plain(keys), after)
    }

    /// A load on it, as fast as it answers.
    pub(crate) fn load<'r>(&'r self, requests: &'r Requests, connections: usize, keys: Keys) -> Load<'r> {
        Load {
            target: self.address,
            wire: Wire::Http,
            trust: self.trust.as_ref(),
            requests,
            connections,
            keys,
            pace: Pace::Closed,
            warm_up: WARM_UP,
        }
    }

    /// The memory that its processes have of their own, in bytes; none of the upstream, which is this program.
    pub(crate) fn resident_bytes(&self) -> Result<Option<u64>, BenchError> {
        self.process.as_ref().map(Process::resident_bytes).transpose()
    }

    /// Adds to a failed load why the proxy may have failed it.
    pub(crate) fn tell(&self, error: BenchError) -> BenchError {
        match (error, &self.process) {
            (BenchError::Client(what), Some(process)) => process.failed(what),
            (other, _) => other,
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    fs::write(path, text).map_err(BenchError::io("write", path))
}
