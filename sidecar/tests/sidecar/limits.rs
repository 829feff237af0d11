//! Too much: of requests a second, of requests at once.

use std::sync::Arc;

use http::{Response, StatusCode};
use tokio::sync::Semaphore;

use crate::support::{Fixture, Server, echo, get, send, text};

#[tokio::test]
async fn beyond_the_rate_the_answer_says_when_to_come_again() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, "sidecar: {throttle: {rate: 1, burst: 2}}").await;
    for _ in 0..2 {
        assert_eq!(send(&sidecar, get("/k")).await.status, StatusCode::OK);
    }
    let answer = send(&sidecar, get("/k")).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.problem(), "too-many-requests");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("ratelimit-policy"), Some("\"client\";q=2;w=2"));
    assert_eq!(answer.header("ratelimit"), Some("\"client\";r=0;t=1"));
    assert_eq!(answer.json()["limit"], serde_json::json!({"name": "sidecar.throttle.rate", "value": 1}));
    assert_eq!(server.seen().len(), 2, "a refused request never reaches the server");

    let mut other = get("/k");
    other.headers_mut().insert("authorization", "Bearer second-token".parse().unwrap());
    assert_eq!(send(&sidecar, other).await.status, StatusCode::OK, "another token, another bucket");
}

#[tokio::test]
async fn one_too_many_at_once_is_refused_and_the_first_is_not_harmed() {
    let (entered, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let gates = (Arc::clone(&entered), Arc::clone(&leave));
    let server = Server::tcp(move |_| {
        let (entered, leave) = gates.clone();
        async move {
            entered.add_permits(1);
            leave.acquire().await.unwrap().forget();
            Response::new(text("slow"))
        }
    })
    .await;
    let sidecar = Arc::new(Fixture::new(&server, "sidecar: {maxInFlight: 1}").await);
    let first = tokio::spawn({
        let sidecar = Arc::clone(&sidecar);
        async move { send(&sidecar, get("/slow")).await }
    });
    entered.acquire().await.unwrap().forget();
    let answer = send(&sidecar, get("/other")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::SERVICE_UNAVAILABLE, "overloaded"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    leave.add_permits(2);
    assert_eq!(first.await.unwrap().text(), "slow");
    assert_eq!(send(&sidecar, get("/other")).await.status, StatusCode::OK, "the place is free again");
}
