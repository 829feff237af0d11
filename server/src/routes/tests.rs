//! What the API says when the log does not play along; a real log does so only on a failing disk.

use futures::future::{BoxFuture, ready};
use futures::stream;
use http::StatusCode;
use http_body_util::BodyExt;
use kivi_api::ProblemType;
use kivi_store::{AppendError, Appended, Entries, LogError, Record, StoreOptions, TransactionLog};
use tower::ServiceExt;

use super::*;

/// An empty log that refuses every append.
struct Refusing(AppendError);

impl TransactionLog for Refusing {
    fn replay(&self, _: u64) -> Entries {
        Box::pin(stream::empty())
    }

    fn append(&self, _: u64, _: u64, _: &[Record]) -> Appended {
        Err(self.0.clone()).into()
    }

    fn tail(&self, _: u64) -> Entries {
        Box::pin(stream::empty())
    }

    fn close(&self) -> BoxFuture<'static, Result<(), LogError>> {
        Box::pin(ready(Ok(())))
    }
}

const LIMITS: Limits = Limits {
    key_bytes: 10,
    value_bytes: 10,
    request_bytes: 100,
    operations: 2,
    watchers: 1,
    behind_sidecar: false,
};

async fn store(refusal: AppendError) -> Arc<Store> {
    Store::open(Refusing(refusal), StoreOptions::default()).await.unwrap()
}

fn filled(store: Arc<Store>) -> StoreCell {
    Arc::new(OnceLock::from(store))
}

async fn ask(store: StoreCell, method: Method) -> (Response<()>, Problem) {
    let request = Request::builder()
        .method(method)
        .uri("/v1/k")
        .header(HOST, "kivi")
        .body(Body::from(Bytes::from("value")))
        .unwrap();
    let answer = Routes::new(store, LIMITS, CancellationToken::new()).oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let problem: Problem = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
    assert_eq!(problem.status, parts.status.as_u16());
    (Response::from_parts(parts, ()), problem)
}

#[tokio::test]
async fn a_full_log_volume_is_507_and_reads_go_on() {
    let store = filled(store(AppendError::Full { message: "disk".to_owned() }).await);
    let (answer, problem) = ask(Arc::clone(&store), Method::PUT).await;
    assert_eq!((answer.status(), problem.kind), (StatusCode::INSUFFICIENT_STORAGE, ProblemType::LogFull));
    assert!(problem.detail.contains("grow the volume"), "{}", problem.detail);
    assert_eq!(ask(store, Method::GET).await.1.kind, ProblemType::NotFound);
}

#[tokio::test]
async fn a_failed_log_and_a_closed_store_are_503_with_a_time_to_come_back() {
    let failed = store(AppendError::Failed { message: "EIO".to_owned() }).await;
    let closed = store(AppendError::Closed).await;
    closed.close().await.unwrap();
    for store in [failed, closed] {
        let (answer, problem) = ask(filled(store), Method::PUT).await;
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(problem.kind, ProblemType::NotReady);
        assert_eq!(answer.headers()["retry-after"], "1");
    }
}

#[tokio::test]
async fn while_the_log_is_read_the_api_is_described() {
    let mut routes = Routes::new(StoreCell::default(), LIMITS, CancellationToken::new());
    let request = Request::get(DOCUMENT_PATH).header(HOST, "kivi").body(Body::default()).unwrap();
    let Ok(answer) = routes.call(request).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["info"]["title"], "Kivi");
}

#[tokio::test]
async fn while_the_log_is_read_every_request_is_503_with_a_time_to_come_back() {
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE] {
        let (answer, problem) = ask(StoreCell::default(), method).await;
        assert_eq!((answer.status().as_u16(), problem.kind), (503, ProblemType::NotReady));
        assert_eq!(answer.headers()["retry-after"], "1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_never_silent_for_longer_than_its_bookmarks_are_apart() {
    let store = filled(store(AppendError::Closed).await);
    let request = Request::get("/v1/?watch=true&after=0").header(HOST, "kivi").body(Body::default()).unwrap();
    let answer = Routes::new(store, LIMITS, CancellationToken::new()).oneshot(request).await.unwrap();
    let mut body = answer.into_body();
    let begun = tokio::time::Instant::now();
    for bookmarks in 0..4 {
        let piece = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(piece, "event: bookmark\nid: 0\ndata: {\"revision\":0}\n\n");
        let apart = begun.elapsed().as_secs() / 5;
        assert_eq!((apart, begun.elapsed().as_secs() % 5), (bookmarks, 0));
    }
}
