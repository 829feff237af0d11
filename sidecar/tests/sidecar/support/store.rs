//! The real server, on a Unix socket, and the way to it past the sidecar.

use bytes::Bytes;
use clap::Parser;
use http::{Request, Response, header::HOST};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use kivi_server::{Config, Flags, RunError, Server};
use tempfile::TempDir;
use tokio::{net::UnixStream, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// A running store.
pub(crate) struct Store {
    /// As `--upstream` takes it.
    pub(crate) url: String,
    dir: TempDir,
    shutdown: CancellationToken,
    serving: JoinHandle<Result<(), RunError>>,
}

impl Store {
    /// With these limits, beside the defaults.
    pub(crate) async fn start(limits: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = format!("limits: {limits}\nlog: {{file: {{segmentSize: 1Mi, sync: Never}}}}\n");
        std::fs::write(dir.path().join("kivi.yaml"), config).unwrap();
        Self::start_in(dir).await
    }

    async fn start_in(dir: TempDir) -> Self {
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let url = format!("unix:{}", path("server.sock"));
        let (config, data) = (path("kivi.yaml"), path("data"));
        let arguments = ["kivi-server", "--config", &config, "--data-dir", &data, "--listen", &url];
        let side = ["--health-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"];
        let flags = Flags::try_parse_from(arguments.iter().chain(&side)).unwrap();
        let server = Server::bind(Config::from_flags(&flags).unwrap()).await.unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(server.serve(shutdown.clone()));
        let store = Self { url, dir, shutdown, serving };
        while !store.ask("GET", "/v1/?limit=1", "", &[]).await.status().is_success() {
            tokio::task::yield_now().await;
        }
        store
    }

    /// Ends it as SIGTERM does.
    pub(crate) async fn stop(self) -> Stopped {
        self.shutdown.cancel();
        self.serving.await.unwrap().unwrap();
        Stopped(self.dir)
    }

    /// One request past the sidecar.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: &str,
        fields: &[(&str, &str)],
    ) -> Response<Incoming> {
        send(&mut self.connect().await, method, path, body, fields).await
    }

    /// A connection past the sidecar.
    pub(crate) async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let stream = UnixStream::connect(self.dir.path().join("server.sock")).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    /// Writes past the sidecar.
    pub(crate) async fn put(&self, path: &str, value: &str) {
        put(&mut self.connect().await, path, value).await;
    }
}

/// A store that has ended; its data are there.
pub(crate) struct Stopped(TempDir);

impl Stopped {
    /// The same store, on the same socket.
    pub(crate) async fn start(self) -> Store {
        Store::start_in(self.0).await
    }
}

/// Writes on a connection past the sidecar.
pub(crate) async fn put(sender: &mut SendRequest<Full<Bytes>>, path: &str, value: &str) {
    let answer = send(sender, "PUT", path, value, &[]).await;
    assert!(answer.status().is_success(), "{answer:?}");
    answer.into_body().collect().await.unwrap();
}

async fn send(
    sender: &mut SendRequest<Full<Bytes>>,
    method: &str,
    path: &str,
    body: &str,
    fields: &[(&str, &str)],
) -> Response<Incoming> {
    sender.ready().await.unwrap();
    let mut request = Request::builder().method(method).uri(path).header(HOST, "kivi");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let body = Full::from(Bytes::copy_from_slice(body.as_bytes()));
    sender.send_request(request.body(body).unwrap()).await.unwrap()
}
