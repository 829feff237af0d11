//! A server that sends bytes as a test has written them, and keeps the bytes that it was asked with.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener},
    sync::{Semaphore, watch},
    time::timeout,
};

/// What it does when it was asked.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Send(Vec<u8>),
    /// Goes on when it is let.
    Wait(Arc<Semaphore>),
    Close,
}

type Script = Arc<dyn Fn(&str, usize) -> Vec<Act> + Send + Sync>;

/// A running server.
#[derive(Clone)]
pub(crate) struct Scripted {
    /// As `--upstream` takes it.
    pub(crate) url: String,
    served: Served,
}

#[derive(Clone)]
struct Served {
    script: Script,
    asked: Arc<Mutex<Vec<String>>>,
    /// Connections that are open.
    open: Arc<watch::Sender<usize>>,
}

impl Scripted {
    /// `script` is given a request's target, and how often that was asked for before.
    pub(crate) async fn tcp(script: impl Fn(&str, usize) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let (served, listener) = (Served::new(script), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = served.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.accept(stream);
            }
        });
        Self { url, served }
    }

    pub(crate) fn unix(
        path: &std::path::Path,
        script: impl Fn(&str, usize) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let (served, listener) = (Served::new(script), UnixListener::bind(path).unwrap());
        let serving = served.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.accept(stream);
            }
        });
        Self { url: format!("unix:{}", path.display()), served }
    }

    /// Heads of the requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.served.asked.lock().clone()
    }

    /// Waits until so many connections are open.
    pub(crate) async fn until_open(&self, count: usize) {
        let mut open = self.served.open.subscribe();
        let reached = open.wait_for(|open| *open == count);
        let reached = timeout(Duration::from_secs(5), reached).await;
        assert!(reached.is_ok(), "{} connections are open, not {count}", *self.served.open.borrow());
    }
}

impl Served {
    fn new(script: impl Fn(&str, usize) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let open = Arc::new(watch::Sender::new(0));
        Self { script: Arc::new(script), asked: Arc::default(), open }
    }

    fn accept(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let served = self.clone();
        served.open.send_modify(|open| *open += 1);
        tokio::spawn(async move {
            served.serve(stream).await;
            served.open.send_modify(|open| *open -= 1);
        });
    }

    /// Answers until either side closes.
    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        loop {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = stream.read_u8().await else { return };
                head.push(byte);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            if stream.read_exact(&mut body).await.is_err() {
                return;
            }
            let target = head.split(' ').nth(1).unwrap().to_owned();
            let times = {
                let mut asked = self.asked.lock();
                let times = asked.iter().filter(|head| head.split(' ').nth(1) == Some(&target)).count();
                asked.push(head);
                times
            };
            for act in (self.script)(&target, times) {
                match act {
                    Act::Send(bytes) => {
                        if stream.write_all(&bytes).await.is_err() {
                            return;
                        }
                    }
                    Act::Close => return,
                    Act::Wait(gate) => tokio::select! {
                        permit = gate.acquire() => permit.unwrap().forget(),
                        // Who asks says nothing more meanwhile but that it is gone.
                        _ = stream.read_u8() => return,
                    },
                }
            }
        }
    }
}
