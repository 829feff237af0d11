//! Random interleavings of reads and writes of one register through the layer, in paused time and on
//! several threads.

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
    kind: Kind,
    at: u8,
    before: u8,
    after: u8,
    /// The body's last piece comes this much later.
    body: u8,
    /// The client leaves before its answer.
    leaves: bool,
    /// The upstream fails a GET.
    fails: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Get(&'static str),
    Put(&'static str),
}

fn operation(failing: f64) -> impl Strategy<Value = Operation> {
    let kind = prop_oneof![
        6 => prop_oneof![Just("/v1/k"), Just("/v1/%6b"), Just("/v1/k?a")].prop_map(Kind::Get),
        2 => prop_oneof![Just("/v1/k"), Just("/v1/k?ttl=5s")].prop_map(Kind::Put),
    ];
    let delay = || 0..12_u8;
    let (leaves, fails) = (prop::bool::weighted(0.1), prop::bool::weighted(failing));
    (kind, 0..60_u8, delay(), delay(), delay(), leaves, fails).prop_map(
        |(kind, at, before, after, body, leaves, fails)| Operation {
            kind,
            at,
            before,
            after,
            body,
            leaves,
            fails,
        },
    )
}

async fn pause(units: u8) {
    sleep(Duration::from_millis(units.into())).await;
}

/// The register: a PUT adds one, a GET returns the count, at a moment between the delays, or 304 where the
/// load has it.
async fn upstream(
    request: Request<Empty<Bytes>>,
    register: Arc<AtomicU64>,
) -> Result<Response<Body>, BoxError> {
    let operation: Operation = *request.extensions().get().unwrap();
    let condition = request.headers().get("if-none-match").cloned();
    pause(operation.before).await;
    let value = match operation.kind {
        Kind::Put(_) => register.fetch_add(1, SeqCst) + 1,
        Kind::Get(_) => register.load(SeqCst),
    };
    pause(operation.after).await;
    if operation.fails && matches!(operation.kind, Kind::Get(_)) {
        return if operation.body.is_multiple_of(2) {
            Err("down".into())
        } else {
            Ok(response(503, &[], whole("")))
        };
    }
    let tag = HeaderValue::try_from(format!("\"{value}\"")).unwrap();
    if condition.as_ref() == Some(&tag) {
        return Ok(response(304, &[], whole("")));
    }
    let (pieces, body) = channel();
    tokio::spawn(async move {
        let text = format!("{value:08}");
        let (first, last) = text.split_at(4);
        if pieces.send(piece(first.to_owned())).await.is_ok() {
            pause(operation.body).await;
            drop(pieces.send(piece(last.to_owned())).await);
        }
    });
    let mut response = response(200, &[], body);
    response.headers_mut().insert("kivi-revision", value.into());
    response.headers_mut().insert("etag", tag);
    Ok(response)
}

/// What the clients know by now.
#[derive(Debug, Default)]
struct Known {
    acknowledged: AtomicU64,
    read: AtomicU64,
}

/// Runs the operations. Each GET must see at least what was acknowledged when it started, and, where
/// nothing is kept, what another GET had read by then.
async fn run(policy: CachePolicy, operations: Vec<Operation>) {
    let keeps = !policy.ttl.is_zero();
    let may_fail = operations.iter().any(|operation| operation.fails);
    let register = Arc::new(AtomicU64::new(0));
    let known = Arc::new(Known::default());
    let layer = CacheLayer::new(policy, |_| Peer::default(), CacheMetrics::default());
    let cache = layer.layer(service_fn(move |request| upstream(request, Arc::clone(&register))));
    let clients = operations.into_iter().map(|operation| {
        let cache = cache.clone();
        let known = Arc::clone(&known);
        tokio::spawn(async move {
            pause(operation.at).await;
            client(cache, &known, operation, keeps, may_fail).await;
        })
    });
    for client in join_all(clients).await {
        client.unwrap();
    }
}

async fn client<S>(mut cache: S, known: &Known, operation: Operation, keeps: bool, may_fail: bool)
where
    S: Service<Request<Empty<Bytes>>, Response = Response<CacheBody>, Error = BoxError>,
{
    let (method, path) = match operation.kind {
        Kind::Get(path) => ("GET", path),
        Kind::Put(path) => ("PUT", path),
    };
    let mut request = request(method, path, &[]);
    request.extensions_mut().insert(operation);
    let mut least = known.acknowledged.load(SeqCst);
    if !keeps {
        least = least.max(known.read.load(SeqCst));
    }
    let answer = cache.call(request);
    if operation.leaves {
        drop(tokio::time::timeout(Duration::from_millis(operation.after.into()), answer).await);
        return;
    }
    let answer = match answer.await {
        Ok(answer) if answer.status() == 200 => answer,
        failed => {
            assert!(may_fail, "{failed:?}");
            return;
        }
    };
    if matches!(operation.kind, Kind::Put(_)) {
        let revision = answer.headers()["kivi-revision"].to_str().unwrap().parse().unwrap();
        known.acknowledged.fetch_max(revision, SeqCst);
        return;
    }
    let value: u64 = text(answer).await.unwrap().parse().unwrap();
    assert!(value >= least, "read {value} where {least} was known: {operation:?}");
    if !keeps {
        known.read.fetch_max(value, SeqCst);
    }
}

fn in_paused_time(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_get_sees_every_write_acknowledged_before_it_when_nothing_is_kept(
        operations in prop::collection::vec(operation(0.0), 1..60),
    ) {
        in_paused_time(run(coalescing(), operations));
    }

    #[test]
    fn and_when_stale_answers_are_served(operations in prop::collection::vec(operation(0.3), 1..60)) {
        let window = Duration::from_millis(20);
        let policy = CachePolicy {
            ttl: Duration::from_millis(5),
            stale_while_revalidate: window,
            stale_if_error: window * 2,
            error_ttl: Duration::from_millis(2),
            ..coalescing()
        };
        in_paused_time(run(policy, operations));
    }

    #[test]
    fn and_when_what_is_stale_turns_out_to_be_current(
        operations in prop::collection::vec(operation(0.0), 1..60),
    ) {
        let policy = CachePolicy { ttl: Duration::from_millis(3), ..coalescing() };
        in_paused_time(run(policy, operations));
    }

    #[test]
    fn and_when_answers_are_kept(operations in prop::collection::vec(operation(0.0), 1..60)) {
        in_paused_time(run(keeping(), operations));
    }
}

/// Lets other tasks run a few times.
async fn yield_often(times: u64) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

/// Clients on several threads, some of which leave: nobody waits for ever, nothing is stale, and at the
/// end nothing is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_race_without_a_lock_up_or_an_old_answer() {
    let register = Arc::new(AtomicU64::new(0));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let metrics = CacheMetrics::default();
    let layer = CacheLayer::new(keeping(), |_| Peer::default(), metrics.clone());
    let cache = layer.layer(service_fn(move |request: Request<Empty<Bytes>>| {
        let register = Arc::clone(&register);
        async move {
            let number: u64 = *request.extensions().get().unwrap();
            yield_often(number % 5).await;
            let value = match *request.method() {
                http::Method::PUT => register.fetch_add(1, SeqCst) + 1,
                _ => register.load(SeqCst),
            };
            yield_often(number % 3).await;
            let mut response = response(200, &[], whole(""));
            response.headers_mut().insert("kivi-revision", value.into());
            Ok::<_, BoxError>(response)
        }
    }));
    let clients = (0..64_u64).map(|client| {
        let (mut cache, acknowledged) = (cache.clone(), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            for round in 0..200 {
                let number = client * 31 + round * 17;
                let writes = number % 8 == 0;
                let mut request = if writes { put("/v1/k") } else { get("/v1/k") };
                request.extensions_mut().insert(number);
                let least = acknowledged.load(SeqCst);
                let answer = cache.call(request);
                if number % 11 == 0 {
                    tokio::select! {
                        () = yield_often(number % 4) => continue,
                        answer = answer => drop(answer),
                    }
                    continue;
                }
                let answer = answer.await.unwrap();
                let value = answer.headers()["kivi-revision"].to_str().unwrap().parse().unwrap();
                text(answer).await.unwrap();
                if writes {
                    acknowledged.fetch_max(value, SeqCst);
                } else {
                    assert!(value >= least, "read {value} after {least} was acknowledged");
                }
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    for client in tokio::time::timeout(Duration::from_mins(1), join_all(clients)).await.unwrap() {
        client.unwrap();
    }
    let mut last = cache.clone();
    let mut write = put("/v1/k");
    write.extensions_mut().insert(0_u64);
    last.call(write).await.unwrap();
    // A load of the last readers may be about to find that it is not to be stored.
    let is_empty = || (metrics.entries.get(), metrics.bytes.get(), metrics.waiters.get()) == (0, 0, 0);
    let emptied = async {
        while !is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), emptied).await.unwrap();
}
