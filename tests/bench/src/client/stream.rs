//! A socket, in the clear or in TLS, that never blocks once it is open.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
};

use mio::net::TcpStream;
use rustls::ClientConnection;

use super::tls::Trust;

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<ClientConnection>, TcpStream),
}

impl Stream {
    /// Connects and, with `trust`, shakes hands.
    pub(super) fn open(target: SocketAddr, trust: Option<&Trust>) -> io::Result<Self> {
        let mut socket = std::net::TcpStream::connect(target)?;
        socket.set_nodelay(true)?;
        let session = trust.map(|trust| trust.shake_hands(&mut socket)).transpose()?;
        socket.set_nonblocking(true)?;
        let socket = TcpStream::from_std(socket);
        Ok(match session {
            Some(session) => Self::Tls(Box::new(session), socket),
            None => Self::Plain(socket),
        })
    }

    /// What events come of.
    pub(super) fn socket(&mut self) -> &mut TcpStream {
        match self {
            Self::Plain(socket) | Self::Tls(_, socket) => socket,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(room),
            Self::Tls(session, socket) => rustls::Stream::new(session.as_mut(), socket).read(room),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(session, socket) => rustls::Stream::new(session.as_mut(), socket).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(session, socket) => rustls::Stream::new(session.as_mut(), socket).flush(),
        }
    }
}
