//! What clients do, and what they check.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use shuttle::future::{JoinHandle, spawn};
use tower::{BoxError, Layer, Service};

use crate::{
    Peer,
    cache::{Cache, CacheBody, CacheLayer, CacheMetrics, CachePolicy},
    runtime::{self, or_not, point},
    upstream::{CHUNK, Plan, Upstream, chunk},
};

/// The layer and what is around it.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) cache: Cache<Upstream>,
    pub(crate) upstream: Upstream,
    pub(crate) metrics: CacheMetrics,
    chunks: usize,
}

/// What a read came to.
pub(crate) type Outcome = Result<u64, BoxError>;

impl World {
    pub(crate) fn new(policy: CachePolicy, plan: Plan) -> Self {
        Self::with_clock(policy, plan, false)
    }

    /// `clock_runs`: every time limit is reached, at any moment.
    pub(crate) fn with_clock(policy: CachePolicy, plan: Plan, clock_runs: bool) -> Self {
        runtime::begin(clock_runs);
        let (chunks, metrics) = (plan.chunks, CacheMetrics::default());
        let upstream = Upstream::new(plan);
        let layer = CacheLayer::new(policy, |_| Peer::default(), metrics.clone());
        Self { cache: layer.layer(upstream.clone()), upstream, metrics, chunks }
    }

    /// Reads `path` to the end.
    pub(crate) async fn get(&mut self, path: &str) -> Outcome {
        self.ask(Request::get(path).body(Empty::new())?).await
    }

    pub(crate) async fn ask(&mut self, request: Request<Empty<Bytes>>) -> Outcome {
        let response = self.cache.call(request).await?;
        self.read(response).await
    }

    /// A task that reads.
    pub(crate) fn reader(&self, path: &'static str) -> JoinHandle<Outcome> {
        let mut world = self.clone();
        spawn(async move { world.get(path).await })
    }

    /// A task that reads, or leaves at any moment (`None`).
    pub(crate) fn fickle(&self, path: &'static str) -> JoinHandle<Option<Outcome>> {
        let mut world = self.clone();
        spawn(async move { or_not(world.get(path)).await.ok() })
    }

    /// Writes; what the counter is then.
    pub(crate) async fn write(&mut self, method: &str, path: &str) -> Outcome {
        let request = Request::builder().method(method).uri(path).body(Empty::new())?;
        let response = self.cache.call(request).await?;
        Ok(response.headers()["kivi-revision"].to_str()?.parse()?)
    }

    /// The body to its end, which is whole and of one value, or else an error.
    async fn read(&self, response: Response<CacheBody>) -> Outcome {
        assert_eq!(response.status(), StatusCode::OK);
        let mut body = response.into_body();
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            let data = frame?.into_data().expect("there are no trailers");
            point();
            text.extend_from_slice(&data);
        }
        assert_eq!(text.len(), self.chunks * CHUNK, "a short success");
        let value = std::str::from_utf8(&text[..CHUNK / 2])?.parse()?;
        for (index, part) in text.chunks(CHUNK).enumerate() {
            assert_eq!(part, chunk(value, index));
        }
        Ok(value)
    }
}
