//! A connection to the server, without what is spoken on it.

use std::{io, sync::Arc, time::Duration};

use tokio::net::{TcpStream, UnixStream};
use tokio_util::either::Either;

use super::{Target, Transport, UpstreamError};

/// A connection as the kernel has it.
pub(super) type Io = Either<TcpStream, UnixStream>;

/// A server on the same machine or in the same pod accepts at once, or is in trouble.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the server has neither closed an idle connection nor said anything on it, as that it will close it.
pub(super) fn is_quiet(connection: &Io) -> bool {
    let read = match connection {
        Either::Left(tcp) => tcp.try_read(&mut [0]),
        Either::Right(unix) => unix.try_read(&mut [0]),
    };
    read.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

/// Connects.
pub(super) async fn connect(target: &Target) -> Result<Io, UpstreamError> {
    let connecting = async {
        match &target.transport {
            Transport::Unix(path) => UnixStream::connect(path).await.map(Either::Right),
            Transport::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Either::Left(stream))
            }
        }
    };
    match tokio::time::timeout(TIMEOUT, connecting).await {
        Ok(connected) => connected.map_err(|error| failed(target, error)),
        Err(_) => Err(UpstreamError::ConnectTimeout { target: target.to_string(), limit: TIMEOUT }),
    }
}

/// Why there is no connection.
pub(super) fn failed(target: &Target, error: io::Error) -> UpstreamError {
    let (target, kind, source) = (target.to_string(), error.kind(), Arc::new(error));
    match kind {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
            UpstreamError::NotListening { target, source }
        }
        _ => UpstreamError::Connect { target, source },
    }
}
