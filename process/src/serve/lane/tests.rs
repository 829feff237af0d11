use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
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
    type Later = Never;

    async fn answer(&self, request: &PlainRequest<'_>, _: &Peer, answer: &mut Answer<'_>) -> Handled<Never> {
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
    start_with(options, service).await
}

async fn start_with<S, B>(options: ServeOptions, service: S) -> Served
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let listener = Address::Tcp(([127, 0, 0, 1], 0).into()).bind().await.unwrap();
    let Address::Tcp(address) = *listener.local_addr() else { unreachable!() };
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
    let served =
        start(ServeOptions { header_read: soon, idle: soon.into(), ..ServeOptions::default() }).await;
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
    let served =
        start(ServeOptions { header_read: soon, idle: soon.into(), ..ServeOptions::default() }).await;
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
    let served =
        start(ServeOptions { header_read: soon, idle: soon.into(), ..ServeOptions::default() }).await;
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
    let served = start(ServeOptions { idle: soon.into(), ..ServeOptions::default() }).await;
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

/// Gives what was sent into it as parts of a body, and notes when it is dropped.
struct Fed {
    parts: tokio::sync::mpsc::UnboundedReceiver<Result<Frame<Bytes>, io::Error>>,
    _dropped: tokio::sync::oneshot::Sender<()>,
}

impl Body for Fed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.parts.poll_recv(cx)
    }
}

/// A server whose next answer is fed by hand, with the fields given.
async fn fed(
    fields: &'static [(&'static str, &'static str)],
) -> (Served, Feeder, tokio::sync::oneshot::Receiver<()>) {
    let (feeder, parts) = tokio::sync::mpsc::unbounded_channel();
    let (dropped, is_dropped) = tokio::sync::oneshot::channel();
    let body = Arc::new(parking_lot::Mutex::new(Some(Fed { parts, _dropped: dropped })));
    let service = service_fn(move |_: Request<RequestBody>| {
        let body = body.lock().take();
        async move {
            // Asked once more, it never answers.
            let Some(body) = body else { std::future::pending().await };
            let mut response = Response::builder();
            for (name, value) in fields {
                response = response.header(*name, *value);
            }
            Ok::<_, Infallible>(response.body(body).unwrap())
        }
    });
    (start_with(ServeOptions::default(), service).await, feeder, is_dropped)
}

type Feeder = tokio::sync::mpsc::UnboundedSender<Result<Frame<Bytes>, io::Error>>;

fn feed(feeder: &Feeder, part: &'static str) {
    feeder.send(Ok(Frame::data(Bytes::from_static(part.as_bytes())))).unwrap();
}

/// What comes until the client has seen `end`.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut seen = String::new();
    while !seen.ends_with(end) {
        seen.push(char::from(stream.read_u8().await.unwrap()));
    }
    seen
}

#[tokio::test]
async fn an_answer_without_a_length_goes_out_as_it_comes() {
    let (served, feeder, _dropped) = fed(&[("date", "Thu, 01 Jan 2026 00:00:00 GMT")]).await;
    let mut stream = served.connect().await;
    stream.write_all(get("/slow").as_bytes()).await.unwrap();
    let head = until(&mut stream, "\r\n\r\n").await;
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    assert_eq!(head.matches("date: ").count(), 1, "the answer's own date stays: {head}");
    assert!(head.contains("date: Thu, 01 Jan 2026"), "{head}");
    feed(&feeder, "0123456789abcdef0123");
    assert_eq!(until(&mut stream, "0123\r\n").await, "14\r\n0123456789abcdef0123\r\n");
    feed(&feeder, "");
    feed(&feeder, "x");
    assert_eq!(until(&mut stream, "x\r\n").await, "1\r\nx\r\n");
    feeder.send(Ok(Frame::trailers(http::HeaderMap::new()))).unwrap();
    drop(feeder);
    assert_eq!(until(&mut stream, "0\r\n\r\n").await, "0\r\n\r\n");
    stream.write_all(get("/fast").as_bytes()).await.unwrap();
    assert_eq!(body(&mut stream).await, "lane ", "the connection goes on");
}

#[tokio::test]
async fn an_answer_that_breaks_off_or_has_another_length_ends_the_connection() {
    for (text, error) in [("abc", true), ("abc", false), ("abcdef", false)] {
        let (served, feeder, _dropped) = fed(&[("content-length", "5")]).await;
        let mut stream = served.connect().await;
        stream.write_all([get("/fast"), get("/slow")].concat().as_bytes()).await.unwrap();
        assert_eq!(body(&mut stream).await, "lane ");
        feed(&feeder, text);
        if error {
            feeder.send(Err(io::ErrorKind::ConnectionReset.into())).unwrap();
        }
        drop(feeder);
        let mut rest = String::new();
        let _ = stream.read_to_string(&mut rest).await;
        let body = rest.split("\r\n\r\n").nth(1).unwrap();
        assert!(body.len() < 5, "{text}, {error}: {rest}");
    }
}

#[tokio::test]
async fn an_answer_does_not_wait_for_the_one_behind_it() {
    let never = service_fn(async |_: Request<RequestBody>| -> Result<Response<Full<Bytes>>, Infallible> {
        std::future::pending().await
    });
    let served = start_with(ServeOptions::default(), never).await;
    let mut stream = served.connect().await;
    stream.write_all([get("/fast"), get("/never")].concat().as_bytes()).await.unwrap();
    let first = tokio::time::timeout(Duration::from_secs(5), body(&mut stream)).await;
    assert_eq!(first.expect("it waits for the other"), "lane ");
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_answer() {
    let (served, feeder, dropped) = fed(&[]).await;
    let mut stream = served.connect().await;
    stream.write_all([get("/slow"), get("/next")].concat().as_bytes()).await.unwrap();
    feed(&feeder, "begun");
    until(&mut stream, "begun\r\n").await;
    drop(stream);
    dropped.await.unwrap_err();

    let (served, _feeder, dropped) = fed(&[]).await;
    let mut stream = served.connect().await;
    stream.write_all(get("/slow").as_bytes()).await.unwrap();
    until(&mut stream, "\r\n\r\n").await;
    drop(stream);
    dropped.await.unwrap_err();
}

#[tokio::test]
async fn an_answer_without_content_tells_no_length() {
    let service = service_fn(async |_: Request<RequestBody>| {
        let answer = Response::builder().status(204).header("content-length", "0");
        Ok::<_, Infallible>(answer.body(Full::new(Bytes::new())).unwrap())
    });
    let served = start_with(ServeOptions::default(), service).await;
    let mut stream = served.connect().await;
    stream.write_all(get("/other").as_bytes()).await.unwrap();
    let head = until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 204 ") && !head.contains("content-length"), "{head}");
}
