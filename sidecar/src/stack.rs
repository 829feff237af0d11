//! The request's path, as one expression.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use kivi_layers::{
    auth::{Anonymous, AuthLayer, Verifier},
    cache::{CacheLayer, CacheMetrics, without_guesses},
    linger::LingeringBody,
    metrics::{HttpMetrics, MetricsLayer},
    trace::TraceLayer,
};
use kivi_process::{
    serve::{Express, RequestBody},
    tokens::Tokens,
};
use kivi_settings as settings;
use prometheus_client::registry::Registry;
use tower::{BoxError, Layer, Service, ServiceBuilder};

use crate::{
    config::Config,
    express::{Lane, Shared},
    gates::Gates,
    peer::peer,
    policy,
    proxy::{AdmitLayer, ProxyLayer},
    respond::RespondLayer,
    upstream::{Direct, Exchange, Outgoing, Pool, ResendLayer, Transport},
};

/// Everything between a client's request and the server: the layers, and the lane of plain requests, which does the same.
/// Must be called within a runtime.
pub fn stack(
    config: &Config,
    cache: &CacheLayer,
    gates: &Gates,
    registry: &mut Registry,
) -> (
    impl Service<
        Request<RequestBody>,
        Response = Response<impl Body<Data = Bytes, Error = BoxError> + Send + use<>>,
        Error = Infallible,
        Future = impl Send + use<>,
    > + Clone
    + Send
    + use<>,
    impl Express + use<>,
) {
    let serves_store = is_store(config);
    let metrics = HttpMetrics::register(registry);
    let Gates { timeout, shed, throttle } = gates.clone();
    let auth =
        AuthLayer::new(Accepted(Arc::clone(&config.tokens)), anonymous(config.settings.auth.anonymous));
    // The paths of another server are its own matter.
    let auth = if serves_store { auth.guarding(kivi_api::is_guarded) } else { auth };
    let pool = Pool::new(config.upstream.clone());
    let direct = Direct::new(pool.clone());
    let cache = cache.layer(
        ServiceBuilder::new()
            // What leaves the sidecar is a gateway's request: no hop-by-hop fields, the way it came noted.
            .layer(ProxyLayer::new(config.upstream.clone(), peer))
            // A pooled connection may have been closed by the server just now.
            .layer(ResendLayer)
            // Innermost, so that each attempt has its span and the server continues that one.
            .layer(TraceLayer::client(config.upstream.described()))
            .service(Exchange::new(pool)),
    );
    let lane = Lane::new(Shared {
        answers: !config.traced,
        timeout: timeout.clone(),
        shed: shed.clone(),
        auth: auth.clone(),
        throttle: throttle.clone(),
        cache: cache.clone(),
        direct,
        serves_store,
        prefix: config.upstream.prefix.clone(),
        recorder: Arc::new(metrics.recorder("GET", "", StatusCode::OK)),
    });
    let layers = ServiceBuilder::new()
        // Outermost, so that a span covers everything that a request meets, refusals included.
        .layer(TraceLayer::server(no_route, peer))
        // Counts what clients see, so outside of everything that refuses.
        .layer(MetricsLayer::new(metrics, no_route))
        // Outside of all that may refuse: an upload is often refused before it was sent, and over HTTP/2 a
        // stream that is reset takes its answer along.
        .map_request(LingeringBody::<RequestBody>::of)
        // Below here refusals are typed errors; above, they are responses with a status.
        .layer(RespondLayer)
        // The client's clock starts with its request: a turn in the throttle and a shared load count too.
        .layer(timeout)
        // Before any work on behalf of a request, the check of its token included: a flood of requests
        // without a valid one meets this bound.
        .layer(shed)
        // Before the throttle, which counts by token: a made-up token must not buy a fresh bucket.
        .layer(auth)
        // Before the cache: a limit holds for cached answers as well.
        .layer(throttle)
        // A load asks without a body, so bodies are of one kind from here on.
        .map_request(|request: Request<LingeringBody<RequestBody>>| request.map(Outgoing::from))
        // Before the cache: an ambiguous request must not become a load that others share.
        .layer(AdmitLayer::new(config.upstream.authority.clone()))
        // A store's answers are current and do not say so. Those of another server are its own matter.
        .map_response(move |answer| if serves_store { without_guesses(answer) } else { answer })
        // What is below runs once for all who ask for the same at the same time. A load is a task with a
        // deadline of its own, so nothing below belongs to one client's clock.
        .service(cache);
    (layers, lane)
}

/// The cache of [`stack`]: apart, as it is steered while it runs.
pub fn cache(config: &Config, registry: &mut Registry) -> CacheLayer {
    let metrics = CacheMetrics::default();
    metrics.register(registry);
    CacheLayer::new(policy::of(&config.settings, &config.upstream), peer, metrics)
}

/// The sidecar serves in front of any server, so no path means anything to it.
fn no_route(_: &str) -> Option<&'static str> {
    None
}

/// The process's tokens as the layer asks for them.
#[derive(Debug, Clone)]
struct Accepted(Arc<Tokens>);

impl Verifier for Accepted {
    fn accepts(&self, token: &[u8]) -> bool {
        self.0.accepts(token)
    }
}

fn anonymous(setting: settings::Anonymous) -> Anonymous {
    match setting {
        settings::Anonymous::None => Anonymous::None,
        settings::Anonymous::Read => Anonymous::Read,
        settings::Anonymous::ReadWrite => Anonymous::ReadWrite,
    }
}

/// What is behind a socket is the store of the same pod.
fn is_store(config: &Config) -> bool {
    matches!(config.upstream.transport, Transport::Unix(..))
}
