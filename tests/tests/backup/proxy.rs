//! Something between a client and the S3 server that answers in its place, says nothing, or breaks off.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use futures::stream;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// What is done in place of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This status, with an error of S3.
    Answer(u16, &'static str),
    /// Nothing, ever.
    Silence,
    /// The answer of the server, of which the last half is missing.
    HalfAnAnswer,
    /// The answer of the server with one bit flipped.
    Flipped,
    /// The server does it, and this status is the answer, as a load balancer's that waits no longer.
    Lost(u16),
    /// The server does it, and the connection ends without an answer.
    HungUp,
}

/// Which requests meet with what.
#[derive(Clone)]
pub(crate) struct Rule {
    /// The method.
    pub(crate) method: &'static str,
    /// A part of path and query.
    pub(crate) part: &'static str,
    pub(crate) fault: Fault,
    /// So many of them.
    pub(crate) times: u32,
}

type Body = BoxBody<Bytes, io::Error>;

/// Listens, and passes on to `upstream` what meets no rule; returns its address, and the count of faults.
pub(crate) async fn between(upstream: SocketAddr, rule: Rule) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (rule, counted) = (rule.clone(), Arc::clone(&counted));
            let service =
                service_fn(move |request| exchange(upstream, rule.clone(), Arc::clone(&counted), request));
            // It ends as its client pleases.
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, count)
}

async fn exchange(
    upstream: SocketAddr,
    rule: Rule,
    count: Arc<AtomicU32>,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let target = request.uri().to_string();
    let meets = *request.method() == rule.method && target.contains(rule.part);
    let fault = (meets && count.fetch_add(1, SeqCst) < rule.times).then_some(rule.fault);
    match fault {
        Some(Fault::Answer(status, code)) => {
            // What is sent is read first, as a server does.
            drop(request.into_body().collect().await);
            let text =
                format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No.</Message></Error>");
            let mut response = Response::new(whole(Bytes::from(text)));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            Ok(response)
        }
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::HalfAnAnswer) => {
            let (parts, body) = pass(upstream, request).await.into_parts();
            let mut bytes = body.collect().await.unwrap().to_bytes();
            bytes.truncate(bytes.len() / 2);
            let broken = stream::iter([Ok(Frame::data(bytes)), Err(io::Error::other("broken off"))]);
            Ok(Response::from_parts(parts, BodyExt::boxed(StreamBody::new(broken))))
        }
        Some(Fault::Flipped) => {
            let (parts, body) = pass(upstream, request).await.into_parts();
            let mut bytes = body.collect().await.unwrap().to_bytes().to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            Ok(Response::from_parts(parts, whole(Bytes::from(bytes))))
        }
        Some(Fault::Lost(status)) => {
            drop(pass(upstream, request).await.into_body().collect().await);
            let mut response = Response::new(whole(Bytes::new()));
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            Ok(response)
        }
        Some(Fault::HungUp) => {
            drop(pass(upstream, request).await.into_body().collect().await);
            Err(io::Error::other("hung up"))
        }
        None => Ok(pass(upstream, request).await.map(|body| body.map_err(io::Error::other).boxed())),
    }
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

async fn pass(upstream: SocketAddr, request: Request<Incoming>) -> Response<Incoming> {
    let stream = TcpStream::connect(upstream).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender.send_request(request).await.unwrap()
}
