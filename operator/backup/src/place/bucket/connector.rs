//! The way to the server: hyper over rustls with ring, the one TLS stack of this program. `object_store` would bring
//! another client of its own.

use std::{
    error::Error,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector as Tcp},
    rt::{TokioExecutor, TokioTimer},
};
use object_store::{
    ClientConfigKey, ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
        HttpResponseBody, HttpService,
    },
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::{Patience, trouble, verifier::Verifier};

/// Makes clients that trust the public authorities, and those that the user names.
#[derive(Debug)]
pub(super) struct Connector {
    named: Vec<CertificateDer<'static>>,
    patience: Patience,
}

#[derive(Debug)]
struct Service {
    client: Client<HttpsConnector<Tcp>, HttpRequestBody>,
    answer: Duration,
}

impl Connector {
    pub(super) fn new(named: Vec<CertificateDer<'static>>, patience: Patience) -> Self {
        Self { named, patience }
    }
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::new(roots(&self.named), self.named.clone(), Arc::clone(&provider));
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier.map_err(failed)?))
            .with_no_client_auth();
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(self.patience.connect));
        let https = HttpsConnectorBuilder::new().with_tls_config(tls);
        let plain =
            options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        let https = if plain { https.https_or_http() } else { https.https_only() };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(https.enable_http1().wrap_connector(tcp));
        Ok(HttpClient::new(Service { client, answer: self.patience.answer }))
    }
}

fn failed(error: impl Error + Send + Sync + 'static) -> object_store::Error {
    object_store::Error::Generic { store: "HTTP", source: Box::new(error) }
}

/// The public authorities, by Mozilla's list, and besides them those that are named.
fn roots(named: &[CertificateDer<'static>]) -> RootCertStore {
    let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    // They were read before.
    roots.add_parsable_certificates(named.iter().cloned());
    roots
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let late = |_| HttpError::new(HttpErrorKind::Timeout, Silence(self.answer));
        let answer = timeout(self.answer, self.client.request(request)).await.map_err(late)?;
        let answer = answer.map_err(|error| HttpError::new(kind(&error), error))?;
        Ok(answer.map(|body| HttpResponseBody::new(Heard::new(body, self.answer))))
    }
}

/// What kind of failure it is: one that another try may not meet is asked again.
fn kind(error: &hyper_util::client::legacy::Error) -> HttpErrorKind {
    if trouble::certificate(error).is_some() {
        // It will be no other the next time.
        return HttpErrorKind::Unknown;
    }
    if error.is_connect() {
        return HttpErrorKind::Connect;
    }
    let hyper = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    match hyper {
        Some(hyper) if hyper.is_timeout() => HttpErrorKind::Timeout,
        Some(hyper)
            if hyper.is_closed() || hyper.is_incomplete_message() || hyper.is_body_write_aborted() =>
        {
            HttpErrorKind::Request
        }
        _ => HttpErrorKind::Interrupted,
    }
}

/// Nothing came for so long.
#[derive(Debug, thiserror::Error)]
#[error("nothing came for {} seconds", .0.as_secs_f32())]
struct Silence(Duration);

/// The body of an answer, given up when nothing comes.
struct Heard {
    body: Incoming,
    patience: Duration,
    until: Pin<Box<Sleep>>,
}

impl Heard {
    fn new(body: Incoming, patience: Duration) -> Self {
        Self { body, patience, until: Box::pin(sleep(patience)) }
    }
}

impl Body for Heard {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            let until = Instant::now() + self.patience;
            self.until.as_mut().reset(until);
            return Poll::Ready(frame.map(|frame| {
                frame.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, io::Error::other(error)))
            }));
        }
        let patience = self.patience;
        self.until
            .as_mut()
            .poll(cx)
            .map(|()| Some(Err(HttpError::new(HttpErrorKind::Timeout, Silence(patience)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_trusted_besides_the_public_authorities() {
        let own = rcgen::generate_simple_self_signed(["minio".to_owned()]).unwrap();
        let (public, both) = (roots(&[]), roots(&[own.cert.der().clone()]));
        assert!(public.len() > 50);
        assert_eq!(both.len(), public.len() + 1);
        assert_eq!(both.roots[..public.len()], public.roots);
    }
}
