//! Is the server ready? It is asked by its own readiness, or by a connection.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, header::HOST};
use http_body_util::{BodyExt, Empty, Limited};
use kivi_process::health::Check;
use serde::Deserialize;
use tower::{Service, ServiceBuilder};

use crate::{
    flags::ReadySource,
    upstream::{Exchange, Outgoing, Pool, ResendLayer, Target},
};

/// Bytes of a readiness answer that are read.
const MAX_ANSWER: usize = 64 * 1024;

/// Where the server's readiness is learned.
pub(super) struct Source {
    pool: Pool<Outgoing<Empty<Bytes>>>,
    asks: bool,
}

/// The answer of a Kivi process; other servers may answer what they like.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    checks: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
    state: String,
    #[serde(default)]
    message: String,
}

impl Source {
    pub(super) fn new(upstream: &Target, ready: &ReadySource) -> Self {
        let (target, asks) = match ready {
            ReadySource::Url(url) => (url.clone(), true),
            ReadySource::Connect => (upstream.clone(), false),
        };
        Self { pool: Pool::new(target), asks }
    }

    pub(super) async fn check(self: Arc<Self>) -> Check {
        let target = self.pool.target();
        if !self.asks {
            return match self.pool.reach().await {
                Ok(()) => Check::ok(format!("the server at {target} accepts connections")),
                Err(error) => Check::failing(error.to_string()),
            };
        }
        let request =
            Request::get(target.own_path()).header(HOST, target.authority.as_str()).body(Outgoing::empty());
        let Ok(request) = request else {
            return Check::failing(format!("{target} makes no request"));
        };
        let mut asking = ServiceBuilder::new().layer(ResendLayer).service(Exchange::new(self.pool.clone()));
        let response = match asking.call(request).await {
            Ok(response) => response,
            Err(error) => return Check::failing(error.to_string()),
        };
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let said = said(&body);
        if status.is_success() {
            Check::ok(format!("the server is ready{said}"))
        } else {
            Check::failing(format!("the server is not ready: {target} answered {}{said}", status.as_u16()))
        }
    }
}

/// The checks that do not pass, in the server's words.
fn said(body: &[u8]) -> String {
    let answer: Answer = serde_json::from_slice(body).unwrap_or_default();
    let failing = answer.checks.iter().filter(|check| check.state != "ok");
    let words: Vec<_> = failing.map(|check| format!("{}: {}", check.name, check.message)).collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_own_words_are_passed_on() {
        let body = br#"{"status":"failing","checks":[
            {"name":"store","state":"ok","message":"3 keys","durationMs":0},
            {"name":"log","state":"pending","message":"replayed 7 records","durationMs":0}]}"#;
        assert_eq!(said(body), " (log: replayed 7 records)");
        assert_eq!(said(b"ok"), "");
    }
}
