//! The health port: probes that name their checks, and the scrape of metrics. Plain, read-only.

mod check;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State as Shared;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::future::{BoxFuture, join_all};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use parking_lot::RwLock;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::time::Instant;

pub use check::{Check, State};

/// Longest time a check may take; a slower one counts as failing.
const CHECK_DEADLINE: Duration = Duration::from_secs(2);

type Probe = Arc<dyn Fn() -> BoxFuture<'static, Check> + Send + Sync>;

/// The checks of a process, and its metrics.
#[derive(Clone)]
pub struct Health {
    checks: Arc<RwLock<Checks>>,
    registry: Arc<Registry>,
}

#[derive(Default)]
struct Checks {
    startup: Vec<(&'static str, Probe)>,
    live: Vec<(&'static str, Probe)>,
    ready: Vec<(&'static str, Probe)>,
}

impl Health {
    /// No checks yet: every probe is answered with 200.
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { checks: Arc::default(), registry }
    }

    /// Adds a check to `/startupz`: has the process started?
    pub fn startup_check(
        &self,
        name: &'static str,
        check: impl Fn() -> BoxFuture<'static, Check> + Send + Sync + 'static,
    ) {
        self.checks.write().startup.push((name, Arc::new(check)));
    }

    /// Adds a check to `/livez`: is a restart needed? Must depend on nothing outside the process.
    pub fn live_check(
        &self,
        name: &'static str,
        check: impl Fn() -> BoxFuture<'static, Check> + Send + Sync + 'static,
    ) {
        self.checks.write().live.push((name, Arc::new(check)));
    }

    /// Adds a check to `/readyz`: should requests come here now?
    pub fn ready_check(
        &self,
        name: &'static str,
        check: impl Fn() -> BoxFuture<'static, Check> + Send + Sync + 'static,
    ) {
        self.checks.write().ready.push((name, Arc::new(check)));
    }

    /// `/startupz`, `/livez`, `/readyz` and `/metrics`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/startupz", get(async |Shared(health): Shared<Self>| health.answer(|c| &c.startup).await))
            .route("/livez", get(async |Shared(health): Shared<Self>| health.answer(|c| &c.live).await))
            .route("/readyz", get(async |Shared(health): Shared<Self>| health.answer(|c| &c.ready).await))
            .route("/metrics", get(async |Shared(health): Shared<Self>| health.metrics()))
            .with_state(self.clone())
    }

    async fn answer(&self, which: impl Fn(&Checks) -> &Vec<(&'static str, Probe)>) -> Response {
        let probes = which(&self.checks.read()).clone();
        let checks = join_all(probes.into_iter().map(run)).await;
        let ok = checks.iter().all(|(_, check, _)| check.state == State::Ok);
        let body = json!({
            "status": if ok { "ok" } else { "failing" },
            "checks": checks.iter().map(|(name, check, took)| json!({
                "name": name,
                "state": check.state,
                "message": check.message,
                "durationMs": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            })).collect::<Vec<_>>(),
        });
        let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(body)).into_response()
    }

    fn metrics(&self) -> Response {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                ([(CONTENT_TYPE, kind)], text).into_response()
            }
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

async fn run((name, probe): (&'static str, Probe)) -> (&'static str, Check, Duration) {
    let start = Instant::now();
    let check = tokio::time::timeout(CHECK_DEADLINE, probe()).await.unwrap_or_else(|_| {
        Check::failing(format!("the check did not answer within {} s", CHECK_DEADLINE.as_secs()))
    });
    (name, check, start.elapsed())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures::FutureExt;
    use http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;

    async fn ask(health: &Health, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = health.router().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    fn health() -> Health {
        Health::new(Arc::new(Registry::default()))
    }

    #[tokio::test]
    async fn a_failing_check_is_named_and_touches_only_its_probe() {
        let health = health();
        health.ready_check("log", || async { Check::pending("replayed 7 records") }.boxed());
        health.ready_check("store", || async { Check::ok("3 keys") }.boxed());
        let (status, body) = ask(&health, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["checks"][0]["name"], "log");
        assert_eq!(body["checks"][0]["state"], "pending");
        assert_eq!(body["checks"][0]["message"], "replayed 7 records");
        assert_eq!(body["checks"][1]["state"], "ok");
        assert_eq!(ask(&health, "/livez").await.0, StatusCode::OK);
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_is_failing() {
        let health = health();
        health.ready_check("upstream", || futures::future::pending().boxed());
        let (status, body) = ask(&health, "/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("did not answer within 2 s"), "{body}");
    }

    #[tokio::test]
    async fn metrics_are_openmetrics_text() {
        let (status, body) = ask(&health(), "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.ends_with("# EOF\n"));
    }
}
