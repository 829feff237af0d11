//! The server behind: any function of a request, on TCP or a Unix socket.

use std::{convert::Infallible, path::Path, sync::Arc};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    task::AbortHandle,
};

pub(crate) type Body = BoxBody<Bytes, hyper::Error>;

type Handler = Arc<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// A running server; it accepts no more when this is dropped.
pub(crate) struct Server {
    /// As `--upstream` takes it.
    pub(crate) url: String,
    served: Served,
    accepting: AbortHandle,
}

#[derive(Clone)]
struct Served {
    handler: Handler,
    seen: Arc<Mutex<Vec<Parts>>>,
}

impl Served {
    fn new<F, R>(handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        Self { handler: Arc::new(move |request| Box::pin(handler(request))), seen: Arc::default() }
    }

    fn connection(&self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let served = self.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let (head, body) = request.into_parts();
            served.seen.lock().push(head.clone());
            let answer = (served.handler)(Request::from_parts(head, body));
            async move { Ok::<_, Infallible>(answer.await) }
        });
        tokio::spawn(async move {
            // How a connection ends is the tests' matter at the other end.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Server {
    pub(crate) async fn tcp<F, R>(handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let (served, listener) = (Served::new(handler), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = served.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.connection(stream);
            }
        });
        Self { url, served, accepting: accepting.abort_handle() }
    }

    pub(crate) fn unix<F, R>(path: &Path, handler: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send + 'static,
    {
        let (served, listener) = (Served::new(handler), UnixListener::bind(path).unwrap());
        let serving = served.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serving.connection(stream);
            }
        });
        Self { url: format!("unix:{}", path.display()), served, accepting: accepting.abort_handle() }
    }

    /// Heads of the requests so far.
    pub(crate) fn seen(&self) -> Vec<Parts> {
        self.served.seen.lock().clone()
    }

    /// The only request so far.
    pub(crate) fn only(&self) -> Parts {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "one request came");
        seen.remove(0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Answers with the request's own body as it comes.
pub(crate) async fn echo(request: Request<Incoming>) -> Response<Body> {
    Response::new(request.into_body().boxed())
}

/// A whole body.
pub(crate) fn text(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}
