//! A sidecar in this process.

use std::{sync::LazyLock, time::Duration};

use clap::Parser;
use http::Request;
use http_body_util::Full;
use kivi_process::{
    listen::Address,
    serve::Drained,
    telemetry::{LogFormat, Telemetry, TelemetryOptions},
};
use kivi_sidecar::{Config, Flags, Sidecar};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Answer, Server, send_to};

/// A token that every fixture accepts.
pub(crate) const TOKEN: &str = "first-token";

/// Once a process; its log is silent.
static TELEMETRY: LazyLock<Telemetry> = LazyLock::new(|| {
    let options = TelemetryOptions { service: "test", format: LogFormat::Text, level: "off".to_owned() };
    kivi_process::telemetry::init(&options).unwrap()
});

/// A running sidecar; it is drained by [`Fixture::drain`].
pub(crate) struct Fixture {
    pub(crate) clients: String,
    pub(crate) health: String,
    pub(crate) admin: String,
    /// Holds the configuration and the tokens.
    dir: TempDir,
    pub(crate) shutdown: CancellationToken,
    serving: JoinHandle<Drained>,
}

impl Fixture {
    /// In front of `server`, which tells of no changes, with `settings` as its configuration file.
    pub(crate) async fn new(server: &Server, settings: &str) -> Self {
        Self::with_flags(&server.url, settings, &["--upstream-ready", "", "--change-feed", "off"]).await
    }

    pub(crate) async fn with_flags(upstream: &str, settings: &str, flags: &[&str]) -> Self {
        Self::start(upstream, settings, flags, false).await
    }

    /// In front of `upstream`, where somebody takes its spans.
    pub(crate) async fn traced(upstream: &str) -> Self {
        Self::start(upstream, "", &["--upstream-ready", ""], true).await
    }

    async fn start(upstream: &str, settings: &str, flags: &[&str], traced: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("kivi.yaml"), settings).unwrap();
        std::fs::create_dir(dir.path().join("tokens")).unwrap();
        std::fs::write(dir.path().join("tokens/a"), TOKEN).unwrap();
        std::fs::write(dir.path().join("tokens/b"), "second-token\n").unwrap();
        let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
        let own = [
            "kivi-sidecar",
            "--config",
            &path("kivi.yaml"),
            "--tokens-dir",
            &path("tokens"),
            "--listen=127.0.0.1:0",
            "--health-listen=127.0.0.1:0",
            "--admin-listen=127.0.0.1:0",
            "--upstream",
            upstream,
        ];
        let flags = Flags::try_parse_from(own.iter().chain(flags)).unwrap();
        let config = Config { traced, ..Config::resolve(flags).unwrap() };
        let sidecar = Sidecar::bind(config).await.unwrap();
        let text = Address::to_string;
        let (clients, health, admin) =
            (text(sidecar.client_address()), text(sidecar.health_address()), text(sidecar.admin_address()));
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(sidecar.serve(TELEMETRY.levels(), shutdown.clone()));
        Self { clients, health, admin, dir, shutdown, serving }
    }

    /// Replaces the configuration file, as an editor or the kubelet does: at once.
    pub(crate) fn configure(&self, settings: &str) {
        let new = self.dir.path().join("new");
        std::fs::write(&new, settings).unwrap();
        std::fs::rename(new, self.dir.path().join("kivi.yaml")).unwrap();
    }

    /// The value of a line of `/metrics`, named with its labels.
    pub(crate) async fn metric(&self, line: &str) -> u64 {
        let scrape = self.scrape().await;
        let found = scrape.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        assert!(found.is_some(), "no {line} in {scrape}");
        found.unwrap().parse().unwrap()
    }

    /// Waits until a metric has this value.
    pub(crate) async fn until(&self, line: &str, value: u64) {
        while self.metric(line).await != value {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// All metrics.
    pub(crate) async fn scrape(&self) -> String {
        let request = Request::get("/metrics").body(Full::default()).unwrap();
        send_to(&self.health, request).await.unwrap().text().to_owned()
    }

    /// Asks for a purge.
    pub(crate) async fn purge(&self, body: &'static str) -> Answer {
        let request = Request::post("/cache/purge").body(Full::from(body)).unwrap();
        send_to(&self.admin, request).await.unwrap()
    }

    /// Stops it, and says how that ended.
    pub(crate) async fn drain(self) -> Drained {
        self.shutdown.cancel();
        self.serving.await.unwrap()
    }
}
