//! The types of a connection, before and after its handshake.

use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// A connection as the kernel hands it over.
pub(super) type Plain = Either<TcpStream, UnixStream>;

/// A connection as HTTP sees it. One type for all kinds: HTTP/2 is compiled once for each type it runs
/// on, which would double the size of a server's image.
pub(super) type Io = Either<Plain, Box<TlsStream<Plain>>>;
