//! A client's connection as bytes: what is sent is what the test says, and an answer that was cut is seen.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// One connection.
pub(crate) struct Wire {
    stream: TcpStream,
    arrived: Vec<u8>,
}

/// An answer, or the part of it that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) status: u16,
    /// In their order, with names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether it has its end.
    pub(crate) whole: bool,
}

impl Got {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Wire {
    pub(crate) async fn connect(address: &str) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), arrived: Vec::new() }
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self, is_head: bool) -> Got {
        let head = loop {
            if let Some(end) = self.arrived.windows(4).position(|four| four == b"\r\n\r\n") {
                break self.take(end + 4);
            }
            if !self.more().await {
                let body = std::mem::take(&mut self.arrived);
                return Got { status: 0, fields: Vec::new(), body, whole: false };
            }
        };
        let head: String = head.into_iter().map(char::from).collect();
        let (line, fields) = head.trim_end().split_once("\r\n").unwrap_or((head.trim_end(), ""));
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let fields = fields.split("\r\n").filter_map(|field| field.split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).collect();
        let mut got = Got { status, fields, body: Vec::new(), whole: true };
        if is_head || matches!(status, 204 | 304) {
            return got;
        }
        if got.field("transfer-encoding").is_some() {
            (got.body, got.whole) = self.chunks().await;
        } else if let Some(length) =
            got.field("content-length").and_then(|length| length.split(',').next()?.parse().ok())
        {
            got.whole = self.fill(length).await;
            got.body = self.take(length);
        } else {
            while self.more().await {}
            got.body = std::mem::take(&mut self.arrived);
        }
        got
    }

    async fn chunks(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = self.arrived.windows(2).position(|two| two == b"\r\n") {
                    break end;
                }
                if !self.more().await {
                    return (body, false);
                }
            };
            let line = self.take(end + 2);
            let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
            let whole = self.fill(size + 2).await;
            if whole {
                body.extend_from_slice(&self.take(size));
                assert_eq!(self.take(2), b"\r\n", "no trailers are read here");
            }
            if size == 0 || !whole {
                return (body, whole);
            }
        }
    }

    async fn fill(&mut self, length: usize) -> bool {
        while self.arrived.len() < length {
            if !self.more().await {
                return false;
            }
        }
        true
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        self.arrived.drain(..length.min(self.arrived.len())).collect()
    }

    async fn more(&mut self) -> bool {
        matches!(self.stream.read_buf(&mut self.arrived).await, Ok(count) if count > 0)
    }

    /// Whether nothing comes any more: it is closed.
    pub(crate) async fn is_over(&mut self) -> bool {
        self.arrived.is_empty() && !self.more().await
    }
}
