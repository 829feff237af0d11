//! Random interleavings of writes of one register with reads that reload, have a copy, or want the head only,
//! in paused time.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use futures::future::join_all;
use proptest::prelude::*;
use tokio::time::sleep;
use tower::service_fn;

use super::*;

/// A client's operation: when it starts, and how long the upstream takes before and after its effect.
#[derive(Debug, Clone, Copy)]
struct Operation {
    /// `ELSEWHERE` is a write that does not pass the cache.
    method: &'static str,
    reloads: bool,
    /// The tag of the client's copy.
    copy: Option<&'static str>,
    at: u8,
    before: u8,
    after: u8,
}

fn operation() -> impl Strategy<Value = Operation> {
    let method = prop_oneof![6 => Just("GET"), 1 => Just("HEAD"), 2 => Just("PUT"), 1 => Just("ELSEWHERE")];
    let copy = prop::option::weighted(0.4, prop_oneof![Just("\"1\""), Just("\"2\""), Just("\"3\"")]);
    (method, prop::bool::weighted(0.3), copy, 0..60_u8, 0..12_u8, 0..12_u8).prop_map(
        |(method, reloads, copy, at, before, after)| Operation { method, reloads, copy, at, before, after },
    )
}

async fn pause(units: u8) {
    sleep(Duration::from_millis(units.into())).await;
}

/// The register: a PUT adds one, all else reads it, at a moment between the delays.
async fn upstream(
    request: Request<Empty<Bytes>>,
    register: Arc<AtomicU64>,
) -> Result<Response<Body>, BoxError> {
    let operation: Operation = *request.extensions().get().unwrap();
    pause(operation.before).await;
    let value = match *request.method() {
        http::Method::PUT => register.fetch_add(1, SeqCst) + 1,
        _ => register.load(SeqCst),
    };
    pause(operation.after).await;
    let tag = HeaderValue::try_from(format!("\"{value}\"")).unwrap();
    let is_unchanged = request.headers().get("if-none-match") == Some(&tag);
    let body = Full::from(value.to_string()).map_err(|never| match never {}).boxed_unsync();
    let mut response = if is_unchanged { response(304, &[], whole("")) } else { response(200, &[], body) };
    response.headers_mut().insert("etag", tag);
    Ok(response)
}

/// What the clients know by now.
#[derive(Debug, Default)]
struct Known {
    acknowledged: AtomicU64,
    /// What anybody has read, or written elsewhere.
    seen: AtomicU64,
}

/// Each read sees at least what was acknowledged when it started, and one that reloads, what anybody had seen
/// by then. A client is told that its copy is current only where it is.
async fn client<S>(mut cache: S, register: &AtomicU64, known: &Known, operation: Operation)
where
    S: Service<Request<Empty<Bytes>>, Response = Response<CacheBody>, Error = BoxError>,
{
    pause(operation.at).await;
    if operation.method == "ELSEWHERE" {
        known.seen.fetch_max(register.fetch_add(1, SeqCst) + 1, SeqCst);
        return;
    }
    let reloads = operation.reloads.then_some(("cache-control", "no-cache"));
    let copy = operation.copy.filter(|_| operation.method != "PUT").map(|tag| ("if-none-match", tag));
    let headers: Vec<_> = reloads.into_iter().chain(copy).collect();
    let mut request = request(operation.method, "/v1/k", &headers);
    request.extensions_mut().insert(operation);
    let mut least = known.acknowledged.load(SeqCst);
    if operation.reloads {
        least = least.max(known.seen.load(SeqCst));
    }
    let answer = cache.call(request).await.unwrap();
    let status = answer.status().as_u16();
    let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
    let value: u64 = tag.trim_matches('"').parse().unwrap();
    let body = text(answer).await.unwrap();
    match (operation.method, status) {
        ("PUT", 200) => {
            known.acknowledged.fetch_max(value, SeqCst);
            return;
        }
        ("GET", 200) => assert_eq!(body, value.to_string()),
        ("HEAD", 200) => {}
        (_, 304) => assert_eq!(copy.map(|(_, copy)| copy), Some(tag.as_str())),
        _ => panic!("{status} to {operation:?}"),
    }
    assert!(value >= least, "read {value} where {least} was known: {operation:?}");
    known.seen.fetch_max(value, SeqCst);
}

fn run(policy: CachePolicy, operations: Vec<Operation>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let (register, known) = (Arc::<AtomicU64>::default(), Arc::<Known>::default());
        let behind = Arc::clone(&register);
        let layer = CacheLayer::new(policy, |_| Peer::default(), CacheMetrics::default());
        let cache = layer.layer(service_fn(move |request| upstream(request, Arc::clone(&behind))));
        let clients = operations.into_iter().map(|operation| {
            let (cache, register, known) = (cache.clone(), Arc::clone(&register), Arc::clone(&known));
            tokio::spawn(async move { client(cache, &register, &known, operation).await })
        });
        for client in join_all(clients).await {
            client.unwrap();
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_asked_for_is_answered_where_nothing_is_kept(
        operations in prop::collection::vec(operation(), 1..60),
    ) {
        run(coalescing(), operations);
    }

    #[test]
    fn and_where_answers_are_kept(operations in prop::collection::vec(operation(), 1..60)) {
        run(keeping(), operations);
    }

    #[test]
    fn and_where_they_are_stale_soon(operations in prop::collection::vec(operation(), 1..60)) {
        let (ttl, window) = (Duration::from_millis(5), Duration::from_millis(20));
        run(CachePolicy { ttl, stale_while_revalidate: window, ..coalescing() }, operations);
    }
}
