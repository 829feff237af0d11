//! Posts batches of spans over HTTP/1.1: a connection for each, since one goes out every few seconds.
//!
//! A pooled client would be at hand, but costs every image a second copy of HTTP/2.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;

use super::roots::Roots;
use crate::tls;

/// Longest time for a batch, from the connection to the answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Most bytes of an answer that are read: an OTLP answer is a count and a sentence.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends to `http://` receivers, and to `https://` ones that the roots vouch for.
pub(super) struct HttpSender {
    tls: TlsConnector,
}

impl HttpSender {
    pub(super) fn new(roots: &Roots) -> Result<Self, rustls::Error> {
        let config = ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.for_http())
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Bytes>, HttpError> {
        let uri = std::mem::take(request.uri_mut());
        let (authority, host) =
            (uri.authority().ok_or("the endpoint has no host")?, uri.host().unwrap_or_default());
        let encrypted = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        let stream = if encrypted {
            let name = ServerName::try_from(host.to_owned())?;
            Either::Left(self.tls.connect(name, stream).await?)
        } else {
            Either::Right(stream)
        };
        request.headers_mut().insert(HOST, HeaderValue::from_str(authority.as_str())?);
        *request.uri_mut() =
            uri.path_and_query().map_or_else(|| Uri::from_static("/"), |path| path.clone().into());
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the sender, or with its error, which the exchange reports too.
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}

impl fmt::Debug for HttpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpSender")
    }
}

#[async_trait::async_trait]
impl HttpClient for HttpSender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sending = self.send(request.map(Full::new));
        tokio::time::timeout(DEADLINE, sending).await.unwrap_or_else(|_| {
            Err(Box::<dyn Error + Send + Sync>::from("the receiver did not answer in time"))
        })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_batch_is_posted_and_its_answer_read() {
        let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = receiver.local_addr().unwrap();
        let answering = tokio::spawn(async move {
            let (mut stream, _) = receiver.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"spans") {
                let mut part = [0; 256];
                let length = stream.read(&mut part).await.unwrap();
                seen.extend_from_slice(&part[..length]);
            }
            stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            String::from_utf8(seen).unwrap()
        });
        let request =
            Request::post(format!("http://{address}/v1/traces")).body(Bytes::from_static(b"spans")).unwrap();

        let answer = HttpSender::new(&Roots::Mozilla).unwrap().send_bytes(request).await.unwrap();

        assert_eq!((answer.status().as_u16(), answer.body().as_ref()), (202, &b"ok"[..]));
        let seen = answering.await.unwrap();
        assert!(seen.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{seen}");
        assert!(seen.contains(&format!("host: {address}\r\n")), "{seen}");
    }

    #[tokio::test]
    async fn a_receiver_that_is_down_is_an_error() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let request = Request::post(format!("http://{free}/v1/traces")).body(Bytes::new()).unwrap();
        assert!(HttpSender::new(&Roots::Mozilla).unwrap().send_bytes(request).await.is_err());
    }
}
