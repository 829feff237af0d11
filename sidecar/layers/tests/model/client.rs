//! What clients do, and what they check.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use shuttle::{
    future::{JoinHandle, spawn},
    rand::{Rng, thread_rng},
};
use tokio::time::Instant;
use tower::{BoxError, Layer, Service};

use crate::{
    Peer,
    auth::Caller,
    cache::{Cache, CacheLayer, CacheMetrics, CachePolicy, Exchanged, Expressed, PlainGet},
    runtime::{self, or_not, point},
    timeout::TimeoutLayer,
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

    /// A read, which may go past the layer.
    pub(crate) async fn ask(&mut self, request: Request<Empty<Bytes>>) -> Outcome {
        assert_eq!(request.method(), Method::GET);
        if runtime::may_express() && thread_rng().gen_bool(0.7) {
            return self.express(request).await;
        }
        let (head, body) = self.cache.call(request).await?.into_parts();
        self.read(head.status, body).await
    }

    /// A read past the layer, which drives its load where it leads.
    async fn express(&self, request: Request<Empty<Bytes>>) -> Outcome {
        let limit = TimeoutLayer::new(Duration::ZERO).limit();
        let load = (self.upstream.clone(), request.clone());
        let deadline = limit.deadline(Instant::now());
        let plain = PlainGet { request, caller: Caller::Anonymous, client: None, deadline, limit };
        // What is longer than may be held never comes as a whole.
        let comes_whole = self.chunks <= 2 && thread_rng().gen_bool(0.5);
        let exchange = || async move {
            let (mut upstream, request) = load;
            let response = upstream.call(request).await?;
            if !comes_whole {
                return Ok(Exchanged::Streamed(response));
            }
            let (head, body) = response.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok::<_, BoxError>(Exchanged::Whole(Response::from_parts(head, body)))
        };
        match self.cache.express(plain, |_| {}, exchange) {
            Expressed::Hit(hit) => self.read(hit.status(), Full::new(hit.body().clone())).await,
            Expressed::Later(later) => {
                let fetched = later.await.map_err(|failed| failed.error)?;
                self.read(fetched.status(), fetched.into_body()).await
            }
        }
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
    async fn read<B>(&self, status: StatusCode, mut body: B) -> Outcome
    where
        B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
    {
        assert_eq!(status, StatusCode::OK);
        let mut text = Vec::new();
        while let Some(frame) = body.frame().await {
            let data =
                frame.map_err(Into::into)?.into_data().unwrap_or_else(|_| panic!("there are no trailers"));
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
