//! Whether the watches make progress.
//!
//! A watch is asked to end after [`WATCH_TIMEOUT_SECONDS`], so each sends a new request at least that
//! often, also while nothing changes and while the API server fails. A layer of the client notes when; a
//! watch that sends none for long is wedged, and only a restart helps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Uri};
use kivi_process::health::Check;
use parking_lot::Mutex;
use tokio::time::Instant;
use tower::{Layer, Service};

/// How long a watch lasts at most, in seconds; below the idle time-outs of common load balancers.
pub const WATCH_TIMEOUT_SECONDS: u32 = 200;

/// How long a watch may be without a request: three time-outs and the longest backoff between them.
const STALLED: Duration = Duration::from_secs(3 * WATCH_TIMEOUT_SECONDS as u64 + 60);

/// When each watch last sent a request, by the path of what it watches.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<BTreeMap<String, Instant>>>);

impl Progress {
    /// The liveness check.
    pub fn check(&self) -> Check {
        let watches = self.0.lock();
        let stalled: Vec<&str> = watches
            .iter()
            .filter(|(_, last)| last.elapsed() > STALLED)
            .map(|(path, _)| path.as_str())
            .collect();
        if stalled.is_empty() {
            Check::ok(format!("{} watches make progress", watches.len()))
        } else {
            Check::failing(format!("no request in {} s for {}", STALLED.as_secs(), stalled.join(", ")))
        }
    }

    /// Forgets all watches: they ended with the term.
    pub fn forget(&self) {
        self.0.lock().clear();
    }

    fn note<B>(&self, request: &Request<B>) {
        let uri = request.uri();
        if is_watch(uri) {
            self.0.lock().insert(uri.path().to_owned(), Instant::now());
        }
    }
}

/// Whether this is a watch, whose answer goes on.
pub(crate) fn is_watch(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("watch=")))
}

impl<S> Layer<S> for Progress {
    type Service = Noted<S>;

    fn layer(&self, inner: S) -> Noted<S> {
        Noted { inner, progress: self.clone() }
    }
}

/// A client whose watch requests are noted.
#[derive(Debug, Clone)]
pub struct Noted<S> {
    inner: S,
    progress: Progress,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Noted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        self.progress.note(&request);
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests {
    use kivi_process::health::State;

    use super::*;

    fn request(uri: &str) -> Request<()> {
        Request::get(uri).body(()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_sends_nothing_for_long_fails_by_name() {
        let progress = Progress::default();
        progress.note(&request("/api/v1/secrets?&watch=true&timeoutSeconds=200"));
        progress.note(&request("/api/v1/services?&watch=true"));
        progress.note(&request("/api/v1/configmaps?&limit=1"));
        tokio::time::advance(STALLED).await;
        assert_eq!(progress.check().state, State::Ok);

        progress.note(&request("/api/v1/services?&watch=true"));
        tokio::time::advance(Duration::from_secs(1)).await;
        let check = progress.check();
        assert_eq!(check.state, State::Failing);
        assert!(check.message.ends_with("for /api/v1/secrets"), "{}", check.message);
    }
}
