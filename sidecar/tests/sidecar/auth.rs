//! Who gets in.

use http::{Method, Request, StatusCode, header};
use http_body_util::Full;

use crate::support::{Fixture, Server, echo, send};

async fn status(sidecar: &Fixture, method: Method, token: Option<&str>) -> StatusCode {
    let mut request = Request::builder().method(method).uri("/v1/k");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    send(sidecar, request.body(Full::default()).unwrap()).await.status
}

#[tokio::test]
async fn without_a_token_nobody_gets_in_and_both_tokens_do() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, "").await;
    let answer = send(&sidecar, Request::get("/v1/k").body(Full::default()).unwrap()).await;
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::UNAUTHORIZED, "unauthorized"));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"kivi\""));
    assert_eq!(status(&sidecar, Method::GET, Some("wrong")).await, StatusCode::UNAUTHORIZED);
    assert!(server.seen().is_empty(), "a refused request never reaches the server");
    for token in ["first-token", "second-token"] {
        assert_eq!(status(&sidecar, Method::PUT, Some(token)).await, StatusCode::OK);
    }
}

#[tokio::test]
async fn anonymous_read_reads_and_does_not_write() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, "auth: {anonymous: Read}").await;
    assert_eq!(status(&sidecar, Method::GET, None).await, StatusCode::OK);
    assert_eq!(status(&sidecar, Method::HEAD, None).await, StatusCode::OK);
    assert_eq!(status(&sidecar, Method::PUT, None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&sidecar, Method::DELETE, None).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&sidecar, Method::PUT, Some("first-token")).await, StatusCode::OK);
}

#[tokio::test]
async fn an_open_sidecar_leaves_the_servers_own_authentication_alone() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, "auth: {anonymous: ReadWrite}").await;
    let request = Request::put("/k").header(header::AUTHORIZATION, "Basic dTpw").body(Full::default());
    assert_eq!(send(&sidecar, request.unwrap()).await.status, StatusCode::OK);
    assert_eq!(server.only().headers[header::AUTHORIZATION], "Basic dTpw");
}
