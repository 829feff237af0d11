//! A server in this process, on ports of the kernel's choice, with its data in a directory of its own.

use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use clap::Parser;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use kivi_api::client::ClientBuilder;
use kivi_api::{Client, Problem};
use kivi_process::listen::Address;
use kivi_server::{Config, Flags, RunError, Server};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::raw::Raw;

/// The largest value of [`Running`], in bytes.
pub(crate) const VALUE_BYTES: usize = 64 << 10;
/// The longest key of [`Running`], in bytes.
pub(crate) const KEY_BYTES: usize = 100;

const CONFIG: &str =
    "limits: {keyBytes: 100, valueBytes: 64Ki, memory: 16Mi}\nlog: {file: {segmentSize: 1Mi}}\n";

/// A server that takes requests.
pub(crate) struct Running {
    pub(crate) dir: TempDir,
    pub(crate) address: Address,
    health: Address,
    shutdown: CancellationToken,
    ended: JoinHandle<Result<(), RunError>>,
}

impl Running {
    /// With the limits above, for everybody on this machine.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(flags: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), CONFIG, flags).await
    }

    /// In a directory that may hold the data of an earlier one.
    pub(crate) async fn start_in(dir: TempDir, config: &str, flags: &[&str]) -> Self {
        let server = Server::bind(configure(dir.path(), config, flags)).await.unwrap();
        let (address, health) = (server.address().clone(), server.health_address().clone());
        let shutdown = CancellationToken::new();
        let ended = tokio::spawn(server.serve(shutdown.clone()));
        let mut running = Self { dir, address, health, shutdown, ended };
        running.until_ready().await;
        running
    }

    async fn until_ready(&mut self) {
        let probes = Client::builder(&format!("http://{}", self.health)).build().unwrap();
        while !probes
            .request(Method::GET, "/readyz", HeaderMap::new(), Bytes::new())
            .await
            .is_ok_and(|answer| answer.status().is_success())
        {
            let ended = self.ended.is_finished();
            assert!(!ended, "the server ended before it was ready: {:?}", (&mut self.ended).await);
            tokio::task::yield_now().await;
        }
    }

    /// Ends as on SIGTERM; the directory outlives it.
    pub(crate) async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        self.ended.await.unwrap().unwrap();
        self.dir
    }

    pub(crate) fn socket_addr(&self) -> SocketAddr {
        match &self.address {
            Address::Tcp(address) => *address,
            Address::Unix(path) => panic!("{} has no port", path.display()),
        }
    }

    pub(crate) fn client_builder(&self) -> ClientBuilder {
        Client::builder(&format!("http://{}", self.address))
    }

    pub(crate) fn client(&self) -> Client {
        self.client_builder().build().unwrap()
    }

    pub(crate) async fn raw(&self) -> Raw {
        Raw::tcp(self.socket_addr()).await
    }

    /// One request by the client, with these fields, whatever its answer.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> Response<Bytes> {
        let body = Bytes::copy_from_slice(body.as_bytes());
        self.client().request(method.parse().unwrap(), path, fields_of(fields), body).await.unwrap()
    }

    /// What the health port says.
    pub(crate) async fn health(&self, path: &str) -> String {
        let probes = Client::builder(&format!("http://{}", self.health)).build().unwrap();
        let answer = probes.request(Method::GET, path, HeaderMap::new(), Bytes::new()).await.unwrap();
        String::from_utf8(answer.into_body().to_vec()).unwrap()
    }
}

/// The configuration of a server on ports of the kernel's choice.
pub(crate) fn configure(dir: &Path, config: &str, flags: &[&str]) -> Config {
    let file = dir.join("kivi.yaml");
    std::fs::write(&file, config).unwrap();
    let (file, data) = (file.to_str().unwrap(), dir.join("data"));
    let mut arguments = vec!["kivi-server", "--config", file, "--data-dir", data.to_str().unwrap()];
    arguments.extend(["--health-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    if !flags.contains(&"--listen") {
        arguments.extend(["--listen", "127.0.0.1:0"]);
    }
    arguments.extend(flags);
    Config::from_flags(&Flags::try_parse_from(arguments).unwrap()).unwrap()
}

pub(crate) fn fields_of(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
    }
    headers
}

/// The problem of an answer, which must be one.
pub(crate) fn problem(answer: &Response<Bytes>) -> Problem {
    assert_eq!(answer.headers()["content-type"], "application/problem+json", "{answer:?}");
    let problem: Problem = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(problem.status, answer.status().as_u16());
    assert_eq!(problem.title, problem.kind.title());
    assert!(problem.detail.ends_with('.'), "not a sentence: {}", problem.detail);
    problem
}
