//! TLS with HTTP/2 by ALPN, and HTTP/1.1 for who wants that.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode, Version, header};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{Fixture, Server, TOKEN, echo};

fn certificate(dir: &Path) -> ClientConfig {
    let pair = rcgen::generate_simple_self_signed(["kivi.test".to_owned()]).unwrap();
    std::fs::write(dir.join("tls.crt"), pair.cert.pem()).unwrap();
    std::fs::write(dir.join("tls.key"), pair.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    config.unwrap().with_root_certificates(roots).with_no_client_auth()
}

async fn connect(address: &str, config: &ClientConfig, alpn: &[u8]) -> TlsStream<TcpStream> {
    let mut config = config.clone();
    config.alpn_protocols = vec![alpn.to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("kivi.test").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

fn request() -> http::request::Builder {
    Request::get("https://kivi.test/v1/k").header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
}

#[tokio::test]
async fn http_2_is_negotiated_and_the_server_is_told_of_tls() {
    let (server, dir) = (Server::tcp(echo).await, tempfile::tempdir().unwrap());
    let config = certificate(dir.path());
    let flags = ["--upstream-ready", "", "--tls-dir", dir.path().to_str().unwrap()];
    let sidecar = Fixture::with_flags(&server.url, "", &flags).await;

    let stream = connect(&sidecar.clients, &config, b"h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let crumbs = request().header("cookie", "a=1").header("cookie", "b=2");
    let answer = client.send_request(crumbs.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_2));
    answer.into_body().collect().await.unwrap();
    let seen = server.only();
    assert_eq!((seen.version, seen.uri.to_string().as_str()), (Version::HTTP_11, "/v1/k"));
    assert_eq!(seen.headers["host"], "kivi.test");
    assert_eq!(seen.headers["via"], "2 kivi");
    assert_eq!(seen.headers["x-forwarded-proto"], "https");
    assert_eq!(seen.headers.get_all("cookie").iter().collect::<Vec<_>>(), ["a=1; b=2"]);

    let stream = connect(&sidecar.clients, &config, b"http/1.1").await;
    let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let http1 = request().header(header::HOST, "kivi.test").body(Empty::<Bytes>::new()).unwrap();
    let answer = client.send_request(http1).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_11));
}

#[tokio::test]
async fn in_the_clear_http_2_is_spoken_with_prior_knowledge() {
    let server = Server::tcp(echo).await;
    let sidecar = Fixture::new(&server, "").await;
    let stream = TcpStream::connect(&sidecar.clients).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let answer = client.send_request(request().body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (StatusCode::OK, Version::HTTP_2));
}
