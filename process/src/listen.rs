//! Where a process listens: a TCP address or a Unix socket.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;
use tokio::net::{TcpListener, UnixListener, UnixStream};

/// An address to listen on: `host:port` with a numeric host, or `unix:/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A TCP address; port 0 lets the kernel choose.
    Tcp(SocketAddr),
    /// A Unix socket, for a peer on the same machine.
    Unix(PathBuf),
}

/// Why an address cannot be listened on.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The text is not an address.
    #[error(
        "`{text}` is not an address to listen on: write an IP and a port as in `127.0.0.1:8080`, or `unix:/path`"
    )]
    Address {
        /// What was written.
        text: String,
    },
    /// Another process listens on the Unix socket.
    #[error("cannot listen on {address}: another process serves there; stop it or choose another path")]
    InUse {
        /// Where.
        address: Address,
    },
    /// The path of the Unix socket holds something else.
    #[error(
        "cannot listen on {address}: the path exists and is not a socket; remove it or choose another path"
    )]
    NotASocket {
        /// Where.
        address: Address,
    },
    /// The kernel refused.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// Where.
        address: Address,
        /// Why.
        source: io::Error,
    },
}

impl FromStr for Address {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(PathBuf::from(path))),
            Some(_) => Err(ListenError::Address { text: text.to_owned() }),
            None => text.parse().map(Self::Tcp).map_err(|_| ListenError::Address { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Address {
    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// Binds. A socket file that a dead process left is replaced; a live one is not. A Unix socket is
    /// open to its owner and group.
    ///
    /// # Errors
    /// Names the address and the reason.
    pub async fn bind(&self) -> Result<Listener, ListenError> {
        let failed = |source| ListenError::Bind { address: self.clone(), source };
        match self {
            Self::Tcp(address) => {
                let inner = TcpListener::bind(address).await.map_err(failed)?;
                let address = Self::Tcp(inner.local_addr().map_err(failed)?);
                Ok(Listener { inner: Inner::Tcp(inner), address })
            }
            Self::Unix(path) => {
                self.clear_stale_socket(path).await?;
                let inner = UnixListener::bind(path).map_err(failed)?;
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(failed)?;
                Ok(Listener { inner: Inner::Unix(inner), address: self.clone() })
            }
        }
    }

    async fn clear_stale_socket(&self, path: &Path) -> Result<(), ListenError> {
        let Ok(metadata) = std::fs::symlink_metadata(path) else {
            return Ok(());
        };
        if !metadata.file_type().is_socket() {
            return Err(ListenError::NotASocket { address: self.clone() });
        }
        // Only a refusal proves that nobody listens: a live server with a full queue answers "try again".
        match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            _ => return Err(ListenError::InUse { address: self.clone() }),
        }
        std::fs::remove_file(path).map_err(|source| ListenError::Bind { address: self.clone(), source })
    }
}

/// A bound address. Connections wait in the kernel's queue until [`crate::serve::serve`] accepts them.
#[derive(Debug)]
pub struct Listener {
    pub(crate) inner: Inner,
    address: Address,
}

#[derive(Debug)]
pub(crate) enum Inner {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// The bound address, with the real port where port 0 was asked for.
    pub fn local_addr(&self) -> &Address {
        &self.address
    }
}

/// Who sent a request; an extension of each request that [`crate::serve::serve`] hands on.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The client's address; none on a Unix socket.
    pub address: Option<SocketAddr>,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_kinds_and_refuses_the_rest() {
        assert_eq!("127.0.0.1:80".parse::<Address>().unwrap().to_string(), "127.0.0.1:80");
        assert_eq!("unix:/run/a.sock".parse::<Address>().unwrap().to_string(), "unix:/run/a.sock");
        for text in ["", "80", "localhost:80", "unix:relative", "http://127.0.0.1:80"] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains("is not an address to listen on"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::Unix(folder.path().join("a.sock"));
        let live = address.bind().await.unwrap();
        assert!(matches!(address.bind().await, Err(ListenError::InUse { .. })));
        drop(live);
        address.bind().await.unwrap();
    }

    #[tokio::test]
    async fn a_live_socket_with_a_full_queue_is_not_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let socket =
            rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::STREAM, None)
                .unwrap();
        rustix::net::bind(&socket, &rustix::net::SocketAddrUnix::new(&path).unwrap()).unwrap();
        rustix::net::listen(&socket, 0).unwrap();
        let _queued = std::os::unix::net::UnixStream::connect(&path).unwrap();
        assert!(matches!(Address::Unix(path).bind().await, Err(ListenError::InUse { .. })));
    }

    #[tokio::test]
    async fn a_file_in_the_way_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("precious");
        std::fs::write(&path, "data").unwrap();
        assert!(matches!(Address::Unix(path.clone()).bind().await, Err(ListenError::NotASocket { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "data");
    }
}
