//! Operators of a test's own, in the place of the installed one: to be stopped, killed, cut off, and asked.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use kivi_api::Client;
use kivi_tests::operator::HostOperator;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::stage::{self, Stage};

const POLL: Duration = Duration::from_millis(100);

impl Stage {
    /// As [`Stage::open`], but no operator runs: a test brings its own.
    pub(crate) async fn open_without_operator(name: &str) -> Self {
        stage::cluster().await.dismiss().await.unwrap();
        Self::make(name).await
    }

    /// Brings the installed operator back.
    pub(crate) async fn with_operator(&self) {
        stage::cluster().await.recall().await.unwrap();
    }
}

/// A running operator, and where it answers probes.
pub(crate) struct Own {
    operator: HostOperator,
    health: SocketAddr,
}

impl Own {
    /// Starts one with these flags besides the chart's; `through` is where it finds the API server, if elsewhere.
    pub(crate) async fn start(flags: &[&str], through: Option<SocketAddr>) -> Self {
        Self::start_program(None, flags, through).await
    }

    /// As [`Own::start`], but another program than the tests' own.
    pub(crate) async fn start_program(
        program: Option<&Path>,
        flags: &[&str],
        through: Option<SocketAddr>,
    ) -> Self {
        // Nobody else takes a port in the moment between.
        let health = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listen = format!("--health-listen={health}");
        let mut all = vec![listen.as_str()];
        all.extend(flags);
        let operator = stage::cluster().await.another(program, &all, through).await.unwrap();
        let own = Self { operator, health };
        own.until("ready", Duration::from_secs(60), async |own| own.get("/readyz").await.is_some()).await;
        own
    }

    /// The answer of the health port, if it is a good one.
    async fn get(&self, path: &str) -> Option<String> {
        let client = Client::builder(&format!("http://{}", self.health)).timeout(Duration::from_secs(2));
        let answer = client
            .build()
            .unwrap()
            .request(http::Method::GET, path, http::HeaderMap::new(), bytes::Bytes::new())
            .await
            .ok()?;
        answer.status().is_success().then(|| String::from_utf8(answer.into_body().to_vec()).unwrap())
    }

    /// The sum of a metric's series.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await.unwrap();
        let lines = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    pub(crate) async fn leads(&self) -> bool {
        self.metric("kivi_operator_leader").await == 1
    }

    /// Whether Kubernetes would leave it running.
    pub(crate) async fn is_alive(&self) -> bool {
        self.get("/livez").await.is_some()
    }

    /// Waits until this holds.
    pub(crate) async fn until(&self, what: &str, within: Duration, holds: impl AsyncFn(&Self) -> bool) {
        let deadline = Instant::now() + within;
        while !holds(self).await {
            assert!(Instant::now() < deadline, "the operator is not {what} after {within:?}");
            sleep(POLL).await;
        }
    }

    /// Stops it, as a node stops a pod.
    pub(crate) async fn stop(self) {
        self.operator.stop().await.unwrap();
    }

    /// Ends it without warning.
    pub(crate) async fn kill(self) {
        self.operator.kill().await.unwrap();
    }
}

/// Gives the store's Service an annotation, and says how long the operator took to do so.
pub(crate) async fn reaction(stage: &Stage, store: &str, value: &str, within: Duration) -> Duration {
    edit(stage, store, value).await;
    acted_upon(stage, store, value, within).await
}

/// Asks for an annotation of the store's Service.
pub(crate) async fn edit(stage: &Stage, store: &str, value: &str) {
    let patch = format!(r#"{{"spec":{{"service":{{"annotations":{{"example.com/edit":"{value}"}}}}}}}}"#);
    stage.kubectl.run(["patch", "kvs", store, "--type=merge", "-p", &patch]).await.unwrap();
}

/// How long it takes from now until an edit is acted upon.
pub(crate) async fn acted_upon(stage: &Stage, store: &str, value: &str, within: Duration) -> Duration {
    let start = Instant::now();
    loop {
        let service: Value = stage.kubectl.get("service", store).await.unwrap();
        if service["metadata"]["annotations"]["example.com/edit"] == value {
            println!("{store}: edit {value} was acted upon within {:?}", start.elapsed());
            return start.elapsed();
        }
        assert!(start.elapsed() < within, "edit {value} of {store} was not acted upon within {within:?}");
        sleep(POLL).await;
    }
}
