use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::service_fn;

use super::*;
use crate::listen::Address;
use crate::serve::{Drained, serve};

/// `/fast` is the lane's, and waits for its release where it says `/fast/wait`; the service says what it was asked.
#[derive(Clone, Default)]
struct Fast {
    arrived: Arc<Notify>,
    release: Arc<Notify>,
}

impl Express for Fast {
    async fn answer(&self, request: &PlainRequest<'_>, answer: &mut Answer<'_>) -> Handled {
        match request.target {
            "/fast" | "/fast/wait" => {
                if request.target == "/fast/wait" {
                    self.arrived.notify_one();
                    self.release.notified().await;
                }
                let response = Response::new(Bytes::from([b"lane ", request.body].concat()));
                answer.response(&response, false);
                Handled::Answered
            }
            "/hyper" => Handled::ByHyper,
            _ => Handled::ByService,
        }
    }
}

struct Served {
    address: SocketAddr,
    fast: Fast,
    shutdown: CancellationToken,
    serving: tokio::task::JoinHandle<Drained>,
}

async fn start(options: ServeOptions) -> Served {
    let listener = Address::Tcp(([127, 0, 0, 1], 0).into()).bind().await.unwrap();
    let Address::Tcp(address) = *listener.local_addr() else { unreachable!() };
    let service = service_fn(async |request: Request<RequestBody>| {
        assert!(request.extensions().get::<Peer>().is_some());
        let how = match request.body() {
            RequestBody::Whole(_) => "service",
            RequestBody::Streamed(_) => "hyper",
        };
        let line = format!("{how} {} {} ", request.method(), request.uri());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from([line.as_bytes(), &body].concat()))))
    });
    let (fast, shutdown) = (Fast::default(), CancellationToken::new());
    let grace = Duration::from_secs(60);
    let serving = tokio::spawn(serve(listener, fast.clone(), service, options, shutdown.clone(), grace));
    Served { address, fast, shutdown, serving }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

/// The next answer: its head, its body.
async fn answer(stream: &mut TcpStream) -> (String, String) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push(char::from(stream.read_u8().await.unwrap()));
    }
    let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    (head, String::from_utf8(body).unwrap())
}

async fn body(stream: &mut TcpStream) -> String {
    answer(stream).await.1
}

#[tokio::test]
async fn requests_that_come_together_are_answered_in_their_order_by_whoever_can() {
    let served = start(ServeOptions::default()).await;
    let mut stream = served.connect().await;
    let put = "PUT /fast HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    let post = "POST /other HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n";
    let all = [get("/fast"), get("/other?a=b"), put.to_owned(), post.to_owned(), get("/fast")].concat();
    stream.write_all(all.as_bytes()).await.unwrap();
    for expected in
        ["lane ", "service GET /other?a=b ", "lane abc", "hyper POST /other de", "hyper GET /fast "]
    {
        assert_eq!(body(&mut stream).await, expected);
    }
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let served = start(ServeOptions::default()).await;
    let mut stream = served.connect().await;
    stream.set_nodelay(true).unwrap();
    for path in ["/fast", "/other", "/hyper", "/hyper"] {
        let text = format!("PUT {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde");
        for byte in text.bytes() {
            stream.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert!(body(&mut stream).await.ends_with(" abcde") || path != "/fast");
    }
}

#[tokio::test]
async fn an_answer_has_a_date_and_no_field_twice() {
    let served = start(ServeOptions::default()).await;
    let mut stream = served.connect().await;
    for path in ["/fast", "/other"] {
        stream.write_all(get(path).as_bytes()).await.unwrap();
        let (head, _) = answer(&mut stream).await;
        let date = head.split("date: ").nth(1).unwrap().split("\r\n").next().unwrap();
        let date = httpdate::parse_http_date(date).unwrap();
        let age = std::time::SystemTime::now().duration_since(date).unwrap();
        assert!(age < Duration::from_secs(3), "{age:?}");
        for name in ["date: ", "content-length: "] {
            assert_eq!(head.matches(name).count(), 1, "{head}");
        }
        assert!(!head.contains("connection"), "{head}");
    }
}

#[tokio::test]
async fn a_large_answer_and_a_large_request_are_whole() {
    let served = start(ServeOptions::default()).await;
    let mut stream = served.connect().await;
    let large = "x".repeat(ROOM * 3);
    for length in [ROOM / 2, ROOM * 3] {
        let text = &large[..length];
        let request = format!("PUT /other HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n{text}");
        stream.write_all(request.as_bytes()).await.unwrap();
        assert!(body(&mut stream).await.ends_with(text));
    }
}

#[tokio::test]
async fn a_connection_without_requests_ends() {
    let soon = Duration::from_millis(50);
    let served = start(ServeOptions { header_read: soon, idle: soon, ..ServeOptions::default() }).await;
    for sent in [String::new(), get("/fast"), get("/fast") + "GET /fast HT"] {
        let mut stream = served.connect().await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        let mut received = String::new();
        stream.read_to_string(&mut received).await.unwrap();
        assert_eq!(received.matches("HTTP/1.1 200").count(), sent.matches("\r\n\r\n").count(), "{sent}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_not_idleness() {
    let soon = Duration::from_millis(30);
    let served = start(ServeOptions { header_read: soon, idle: soon, ..ServeOptions::default() }).await;
    let mut stream = served.connect().await;
    stream.write_all(get("/fast/wait").as_bytes()).await.unwrap();
    served.fast.arrived.notified().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    tokio::time::resume();
    served.fast.release.notify_one();
    assert_eq!(body(&mut stream).await, "lane ");
    // And its time begins anew.
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn at_the_end_what_is_asked_is_answered_and_what_is_idle_is_closed() {
    let served = start(ServeOptions::default()).await;
    let (mut idle, mut waits) = (served.connect().await, served.connect().await);
    idle.write_all(get("/fast").as_bytes()).await.unwrap();
    body(&mut idle).await;
    waits.write_all((get("/fast/wait") + &get("/fast")).as_bytes()).await.unwrap();
    served.fast.arrived.notified().await;
    served.shutdown.cancel();
    assert_eq!(idle.read(&mut [0]).await.unwrap(), 0, "the idle one");
    served.fast.release.notify_one();
    assert_eq!(body(&mut waits).await, "lane ");
    let (head, last) = answer(&mut waits).await;
    assert_eq!(last, "lane ");
    assert!(head.contains("connection: close"), "{head}");
    assert_eq!(waits.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(served.serving.await.unwrap(), Drained::Graceful);
}

#[tokio::test]
async fn a_client_that_has_said_all_still_gets_its_answer() {
    let served = start(ServeOptions { half_close: true, ..ServeOptions::default() }).await;
    let mut stream = served.connect().await;
    stream.write_all(get("/fast/wait").as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    served.fast.arrived.notified().await;
    served.fast.release.notify_one();
    assert_eq!(body(&mut stream).await, "lane ");
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test]
async fn heads_beyond_the_bound_are_refused_as_ever() {
    let served = start(ServeOptions { max_head: 8 << 10, ..ServeOptions::default() }).await;
    let long = "x".repeat(9000);
    let field = format!("GET /fast HTTP/1.1\r\nHost: h\r\nX: {long}\r\n\r\n");
    for request in [get(&format!("/{long}")), field] {
        let mut stream = served.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut received = String::new();
        stream.read_to_string(&mut received).await.unwrap();
        assert!(received.starts_with("HTTP/1.1 431"), "{received}");
    }
}

#[tokio::test]
async fn a_deadline_that_comes_together_with_a_request_is_not_forgotten() {
    let soon = Duration::from_millis(50);
    let served = start(ServeOptions { header_read: soon, idle: soon, ..ServeOptions::default() }).await;
    let mut stream = served.connect().await;
    stream.write_all(get("/fast").as_bytes()).await.unwrap();
    assert_eq!(body(&mut stream).await, "lane ");
    stream.write_all(get("/fast").as_bytes()).await.unwrap();
    // Nobody runs meanwhile, so that one wake stands for both.
    std::thread::sleep(soon + soon / 5);
    assert_eq!(body(&mut stream).await, "lane ");
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0])).await;
    assert_eq!(ended.expect("the connection stays for ever").unwrap(), 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let soon = Duration::from_millis(50);
    let served = start(ServeOptions { idle: soon, ..ServeOptions::default() }).await;
    let mut stream = served.connect().await;
    let large = "x".repeat(ROOM / 2);
    let request = format!("PUT /fast HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{large}", large.len());
    let flood = async {
        // Until all buffers on the way are full, and then until the server has closed the connection.
        while stream.write_all(request.as_bytes()).await.is_ok() {}
    };
    let given_up = tokio::time::timeout(Duration::from_secs(20), flood).await;
    assert!(given_up.is_ok(), "the server waits for ever");
}

#[tokio::test]
async fn what_hyper_is_handed_at_the_end_is_answered() {
    for _ in 0..20 {
        let served = start(ServeOptions::default()).await;
        let mut stream = served.connect().await;
        let (early, late) = ("PUT /hyper HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab", "cde");
        stream.write_all(early.as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
        served.shutdown.cancel();
        stream.write_all(late.as_bytes()).await.unwrap();
        assert_eq!(body(&mut stream).await, "hyper PUT /hyper abcde");
        assert_eq!(served.serving.await.unwrap(), Drained::Graceful);
    }
}
