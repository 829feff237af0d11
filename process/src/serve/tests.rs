use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use http_body_util::Full;
use prometheus_client::registry::Registry;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower::service_fn;

use super::*;
use crate::listen::Address;

struct Served {
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<Drained>,
    /// Lets a request for `/wait` be answered.
    release: Arc<Notify>,
    /// Says that a request for `/wait` came in.
    arrived: Arc<Notify>,
}

async fn start(options: ServeOptions, grace: Duration) -> Served {
    let listener = Address::Tcp(([127, 0, 0, 1], 0).into()).bind().await.unwrap();
    let Address::Tcp(address) = *listener.local_addr() else { panic!("not TCP") };
    let (shutdown, release, arrived) =
        (CancellationToken::new(), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (waits, says) = (Arc::clone(&release), Arc::clone(&arrived));
    let service = service_fn(move |request: Request<RequestBody>| {
        let (waits, says) = (Arc::clone(&waits), Arc::clone(&says));
        async move {
            if request.uri().path() == "/wait" {
                says.notify_one();
                waits.notified().await;
            }
            let peer = request.extensions().get::<Peer>().is_some();
            let body = Bytes::from(format!("peer={peer}"));
            Ok::<_, Infallible>(Response::builder().status(StatusCode::OK).body(Full::new(body)).unwrap())
        }
    });
    let serving = tokio::spawn(serve(listener, NoLane, service, options, shutdown.clone(), grace));
    Served { address, shutdown, serving, release, arrived }
}

async fn send(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

async fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"peer=true") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "{}", String::from_utf8_lossy(&answer));
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_end() {
    let served = start(ServeOptions::default(), Duration::from_secs(60)).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    send(&mut stream, "/wait").await;
    served.arrived.notified().await;
    served.shutdown.cancel();
    served.release.notify_one();
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert_eq!(served.serving.await.unwrap(), Drained::Graceful);
    assert!(TcpStream::connect(served.address).await.is_err());
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_after_the_grace() {
    let served = start(ServeOptions::default(), Duration::from_millis(50)).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    send(&mut stream, "/wait").await;
    served.arrived.notified().await;
    served.shutdown.cancel();
    assert_eq!(served.serving.await.unwrap(), Drained::DeadlineExceeded { connections: 1 });
}

#[tokio::test]
async fn a_silent_connection_does_not_hold_up_the_drain() {
    let served = start(ServeOptions::default(), Duration::from_millis(50)).await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    let mut speaking = TcpStream::connect(served.address).await.unwrap();
    send(&mut speaking, "/").await;
    read_answer(&mut speaking).await;
    served.shutdown.cancel();
    served.serving.await.unwrap();
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn an_unused_connection_is_closed() {
    let options = ServeOptions {
        header_read: Duration::from_millis(50),
        idle: Duration::from_millis(50).into(),
        ..ServeOptions::default()
    };
    let served = start(options, Duration::from_secs(1)).await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0, "no first request");
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    send(&mut idle, "/").await;
    read_answer(&mut idle).await;
    assert_eq!(idle.read(&mut [0]).await.unwrap_or(0), 0, "no second request");
}

#[tokio::test]
async fn another_idle_time_is_for_the_connections_that_come_then() {
    let idle = IdleTime::from(Duration::from_secs(3600));
    let options = ServeOptions { idle: idle.clone(), ..ServeOptions::default() };
    let served = start(options, Duration::from_secs(1)).await;
    let mut before = TcpStream::connect(served.address).await.unwrap();
    send(&mut before, "/").await;
    read_answer(&mut before).await;
    idle.set(Duration::from_millis(50));
    let mut after = TcpStream::connect(served.address).await.unwrap();
    send(&mut after, "/").await;
    read_answer(&mut after).await;
    assert_eq!(after.read(&mut [0]).await.unwrap_or(0), 0);
    send(&mut before, "/").await;
    read_answer(&mut before).await;
}

#[tokio::test]
async fn a_slow_answer_is_not_idleness() {
    let options = ServeOptions {
        header_read: Duration::from_millis(30),
        idle: Duration::from_millis(30).into(),
        ..ServeOptions::default()
    };
    let served = start(options, Duration::from_secs(1)).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    send(&mut stream, "/wait").await;
    served.arrived.notified().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    tokio::time::resume();
    served.release.notify_one();
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_their_turn() {
    let served =
        start(ServeOptions { max_connections: 1, ..ServeOptions::default() }, Duration::from_secs(1)).await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    send(&mut first, "/").await;
    read_answer(&mut first).await;
    let mut second = TcpStream::connect(served.address).await.unwrap();
    send(&mut second, "/").await;
    let waiting = tokio::time::timeout(Duration::from_millis(50), second.readable()).await;
    assert!(waiting.is_err(), "the second connection was served beside the first");
    drop(first);
    assert!(read_answer(&mut second).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_client_that_has_said_all_still_gets_its_answer() {
    let served =
        start(ServeOptions { half_close: true, ..ServeOptions::default() }, Duration::from_secs(1)).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    send(&mut stream, "/wait").await;
    stream.shutdown().await.unwrap();
    served.arrived.notified().await;
    served.release.notify_one();
    assert!(read_answer(&mut stream).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_request_that_is_none_is_told_so() {
    let served = start(ServeOptions::default(), Duration::from_secs(1)).await;
    let bad_length = "GET / HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nmore";
    for (request, status) in [
        (bad_length.to_owned(), "400"),
        (format!("GET /{} HTTP/1.1\r\nHost: here\r\n\r\n", "x".repeat(70_000)), "414"),
    ] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
}

/// Serves one connection at a time, and tells the others.
fn for_one(tls: Option<Arc<ServerConfig>>) -> ServeOptions {
    let answer =
        Bytes::from_static(b"HTTP/1.1 503 Full\r\nConnection: close\r\nContent-Length: 4\r\n\r\nfull");
    ServeOptions { max_connections: 1, over_limit: Some(answer), tls, ..ServeOptions::default() }
}

/// Everything that comes until the other side closes.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// What a scrape says of connections: how many are open, and how many were refused.
fn counted(registry: &Registry) -> (String, String) {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry).unwrap();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit_once(' ').unwrap().1.to_owned()
    };
    (value("kivi_connections_open "), value("kivi_connections_refused_total "))
}

#[tokio::test]
async fn one_connection_too_many_is_told_after_it_asked_and_counted() {
    let mut registry = Registry::default();
    let metrics = ConnectionMetrics::register(&mut registry);
    let served = start(ServeOptions { metrics, ..for_one(None) }, Duration::from_secs(1)).await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    send(&mut first, "/").await;
    read_answer(&mut first).await;
    assert_eq!(counted(&registry), ("1".to_owned(), "0".to_owned()));

    let mut second = TcpStream::connect(served.address).await.unwrap();
    let unasked = tokio::time::timeout(Duration::from_millis(50), second.readable()).await;
    assert!(unasked.is_err(), "an answer came before there was a request");
    send(&mut second, "/").await;
    let answer = read_all(&mut second).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("full"), "{answer}");
    assert_eq!(counted(&registry), ("1".to_owned(), "1".to_owned()));

    send(&mut first, "/").await;
    assert!(read_answer(&mut first).await.starts_with("HTTP/1.1 200"), "who is in stays in");
}

#[tokio::test]
async fn who_never_asks_is_closed_without_a_word() {
    let served = start(for_one(None), Duration::from_secs(1)).await;
    let mut first = TcpStream::connect(served.address).await.unwrap();
    send(&mut first, "/").await;
    read_answer(&mut first).await;
    let mut silent = Vec::new();
    for _ in 0..refusal::AT_ONCE {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    // All who are told at once keep silent, so the next is closed at once, though it asks.
    let mut beyond = TcpStream::connect(served.address).await.unwrap();
    send(&mut beyond, "/").await;
    assert_eq!(read_to_the_end(&mut beyond).await, "");
    for mut stream in silent {
        assert_eq!(read_to_the_end(&mut stream).await, "");
    }
    let mut later = TcpStream::connect(served.address).await.unwrap();
    send(&mut later, "/").await;
    assert!(read_all(&mut later).await.starts_with("HTTP/1.1 503 "), "their places were not given back");
}

/// As [`read_all`], where a reset is an end too: what was sent was not read.
async fn read_to_the_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn over_tls_one_too_many_is_closed_without_a_word_and_counted() {
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::Pkcs8(pair.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.cert.der().clone()], key)
        .unwrap();
    let mut registry = Registry::default();
    let metrics = ConnectionMetrics::register(&mut registry);
    let options = ServeOptions { metrics, ..for_one(Some(Arc::new(tls))) };
    let served = start(options, Duration::from_secs(1)).await;
    // It takes the one place by being accepted; its handshake may take its time.
    let _first = TcpStream::connect(served.address).await.unwrap();
    let mut second = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(read_to_the_end(&mut second).await, "");
    assert_eq!(counted(&registry), ("1".to_owned(), "1".to_owned()));
}
