//! HTTP/1.1 by hand, byte for byte: for what a proper client would never send.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One connection.
pub(crate) struct Raw {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
}

impl Raw {
    pub(crate) async fn tcp(address: SocketAddr) -> Self {
        Self { stream: Box::new(TcpStream::connect(address).await.unwrap()), read: Vec::new() }
    }

    pub(crate) async fn unix(path: &Path) -> Self {
        Self { stream: Box::new(UnixStream::connect(path).await.unwrap()), read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// A request without a body, and its answer.
    pub(crate) async fn ask(&mut self, line: &str) -> Response<Bytes> {
        self.send(format!("{line} HTTP/1.1\r\nHost: kivi\r\n\r\n")).await;
        self.answer_to(line.starts_with("HEAD ")).await
    }

    pub(crate) async fn answer(&mut self) -> Response<Bytes> {
        self.answer_to(false).await
    }

    /// The next answer's head alone, as it came.
    pub(crate) async fn answer_head(&mut self) -> String {
        while !self.read.windows(4).any(|window| window == b"\r\n\r\n") {
            assert!(self.read_more().await, "the connection ended within a head: {:?}", self.read);
        }
        String::from_utf8(std::mem::take(&mut self.read)).unwrap()
    }

    /// The next answer's head and, by its `Content-Length`, its body.
    pub(crate) async fn answer_to(&mut self, head_only: bool) -> Response<Bytes> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read_more().await, "the connection ended within a head: {:?}", self.read);
        };
        let head: Vec<u8> = self.read.drain(..end).collect();
        let mut lines = std::str::from_utf8(&head).unwrap().trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status.parse::<StatusCode>().unwrap();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            let (name, value): (HeaderName, HeaderValue) =
                (name.parse().unwrap(), value.trim().parse().unwrap());
            response.headers_mut().append(name, value);
        }
        let length = response
            .headers()
            .get("content-length")
            .map_or(0, |length| length.to_str().unwrap().parse().unwrap());
        if !head_only {
            while self.read.len() < length {
                assert!(self.read_more().await, "the connection ended within a body");
            }
            *response.body_mut() = self.read.drain(..length).collect();
        }
        response
    }

    /// Whether anything comes back that looks like HTTP before the connection ends.
    pub(crate) async fn answer_is_http(&mut self) -> bool {
        while self.read_more().await {}
        self.read.starts_with(b"HTTP/")
    }

    async fn read_more(&mut self) -> bool {
        self.stream.read_buf(&mut self.read).await.unwrap_or(0) > 0
    }
}
