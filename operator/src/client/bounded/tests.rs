use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt as _;
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use k8s_openapi::api::core::v1::ConfigMap;
use kivi_process::health::State;
use kube::api::ListParams;
use kube::client::{Body as Sent, ClientBuilder};
use kube::{Api, Client};
use kube_runtime::WatchStreamExt as _;
use kube_runtime::watcher::{self, watcher};

use super::*;
use crate::backoff::Backoff;
use crate::progress::Progress;

type Answered = Response<UnsyncBoxBody<Bytes, io::Error>>;
type Handle = tower_test::mock::Handle<Request<Sent>, Answered>;

/// What the API server does with a watch.
#[derive(Clone, Copy)]
enum Watches {
    /// Takes the request and says nothing.
    Hang,
    /// Begins an answer that says something now and then and never ends.
    NeverEnd,
    /// Refuses it: it is about to stop.
    Fail,
}

fn answer(text: impl Into<Bytes>) -> Answered {
    Response::new(Full::new(text.into()).map_err(|never| match never {}).boxed_unsync())
}

/// Bookmarks, at this distance.
fn endless(every: Duration) -> Answered {
    let bookmark = r#"{"type":"BOOKMARK","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"resourceVersion":"2"}}}"#;
    let frames = futures::stream::unfold((), move |()| async move {
        tokio::time::sleep(every).await;
        Some((Ok(Frame::data(Bytes::from(format!("{bookmark}\n")))), ()))
    });
    Response::new(StreamBody::new(frames).boxed_unsync())
}

/// Answers lists, and treats watches so; returns how many of those there were.
fn serve(mut handle: Handle, watches: Watches) -> Arc<AtomicUsize> {
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    tokio::spawn(async move {
        // What is never answered is kept, as a connection that hangs is.
        let mut hanging = Vec::new();
        while let Some((request, reply)) = handle.next_request().await {
            if is_watch(request.uri()) {
                counter.fetch_add(1, Ordering::Relaxed);
                match watches {
                    Watches::Hang => hanging.push(reply),
                    Watches::NeverEnd => reply.send_response(endless(Duration::from_secs(60))),
                    Watches::Fail => {
                        let mut refusal = answer("{}");
                        *refusal.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                        reply.send_response(refusal);
                    }
                }
            } else {
                let list =
                    r#"{"kind":"List","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[]}"#;
                reply.send_response(answer(list));
            }
        }
    });
    seen
}

/// Watches for an hour; how many watches were begun, and whether the process counts as alive after it.
async fn an_hour(bounded: bool, watches: Watches) -> (usize, State) {
    let (service, handle) = tower_test::mock::pair::<Request<Sent>, Answered>();
    let progress = Progress::default();
    let builder = ClientBuilder::new(service, "shop").with_layer(&progress);
    let client: Client = if bounded { builder.with_layer(&Bounds).build() } else { builder.build() };
    let seen = serve(handle, watches);
    let config = watcher::Config::default().timeout(WATCH_TIMEOUT_SECONDS);
    let mut events =
        watcher(Api::<ConfigMap>::namespaced(client, "shop"), config).backoff(Backoff::default()).boxed();
    let watching = async { while events.next().await.is_some() {} };
    let ended = tokio::time::timeout(Duration::from_secs(3600), watching).await;
    assert!(ended.is_err(), "the watch gave up");
    (seen.load(Ordering::Relaxed), progress.check().state)
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_hangs_is_begun_anew_and_the_process_lives() {
    // Each takes 20 s, and up to 10 s of backoff.
    let (begun, alive) = an_hour(true, Watches::Hang).await;
    assert!((110..=180).contains(&begun), "{begun}");
    assert_eq!(alive, State::Ok);
    // One that is never asked to end is ended here.
    let (begun, alive) = an_hour(true, Watches::NeverEnd).await;
    assert!((14..=17).contains(&begun), "{begun}");
    assert_eq!(alive, State::Ok);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_is_no_reason_to_restart() {
    let (begun, alive) = an_hour(true, Watches::Fail).await;
    // It is asked often enough to be back within seconds, and by no crowd.
    assert!((350..=900).contains(&begun), "{begun}");
    assert_eq!(alive, State::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_wedged_all_the_same_fails_the_liveness() {
    for watches in [Watches::Hang, Watches::NeverEnd] {
        assert_eq!(an_hour(false, watches).await, (1, State::Failing));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_ends_in_a_sentence() {
    for stops_in_the_middle in [false, true] {
        let (service, mut handle) = tower_test::mock::pair::<Request<Sent>, Answered>();
        let client = ClientBuilder::new(service, "shop").with_layer(&Bounds).build();
        let server = tokio::spawn(async move {
            let (_, reply) = handle.next_request().await.unwrap();
            if stops_in_the_middle {
                reply.send_response(endless(Duration::from_secs(3)));
            } else {
                std::future::pending::<()>().await;
            }
            std::future::pending::<()>().await;
        });
        let start = Instant::now();
        let call = Api::<ConfigMap>::namespaced(client, "shop");
        let error = call.list(&ListParams::default()).await.unwrap_err();
        assert_eq!(start.elapsed(), CALL);
        assert_eq!(crate::answer::Said(&error).to_string(), "the API server did not answer within 20 s");
        server.abort();
    }
}
