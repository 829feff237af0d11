use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use http_body_util::Full;
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
        idle: Duration::from_millis(50),
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
async fn a_slow_answer_is_not_idleness() {
    let options = ServeOptions {
        header_read: Duration::from_millis(30),
        idle: Duration::from_millis(30),
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
