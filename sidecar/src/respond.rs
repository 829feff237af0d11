//! The one edge at which what the layers refuse becomes a response: `application/problem+json`.

use std::{
    convert::Infallible,
    error::Error,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Request, Response,
    header::{ALLOW, WWW_AUTHENTICATE},
};
use http_body_util::{Either, Full};
use kivi_api::{Problem, ProblemType};
use kivi_layers::{
    auth::Unauthorized,
    cache::{CacheTrail, FillFailed},
    shed::Overloaded,
    throttle::Throttled,
    timeout::TimedOut,
    trace::ErrorType,
};
use pin_project_lite::pin_project;
use tower::{BoxError, Layer, Service};

use crate::{proxy::ProxyError, upstream::UpstreamError};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// Seconds after which a client may try again what failed for the moment.
const SOON: u64 = 1;

/// The body of an answer, or of a refusal.
pub type Reply<B> = Either<B, Full<Bytes>>;

/// Adds [`Respond`].
#[derive(Debug, Clone, Copy)]
pub struct RespondLayer;

impl<S> Layer<S> for RespondLayer {
    type Service = Respond<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Respond { inner }
    }
}

/// Turns errors into responses.
#[derive(Debug, Clone)]
pub struct Respond<S> {
    inner: S,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for Respond<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>, Error = BoxError>,
{
    type Response = Response<Reply<ResBody>>;
    type Error = Infallible;
    type Future = RespondFuture<S::Future>;

    /// The services within are always ready: what they cannot take they refuse.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx).map(|_| Ok(()))
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let trail = CacheTrail::default();
        request.extensions_mut().insert(trail.clone());
        RespondFuture { inner: self.inner.call(request), trail }
    }
}

pin_project! {
    /// The inner answer, or the response that an error is.
    #[derive(Debug)]
    pub struct RespondFuture<F> {
        #[pin]
        inner: F,
        trail: CacheTrail,
    }
}

impl<F, ResBody> Future for RespondFuture<F>
where
    F: Future<Output = Result<Response<ResBody>, BoxError>>,
{
    type Output = Result<Response<Reply<ResBody>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(Ok(match ready!(this.inner.poll(cx)) {
            Ok(response) => response.map(Either::Left),
            Err(error) => refusal(error.as_ref(), this.trail).map(Either::Right),
        }))
    }
}

/// The response of a request that failed, having got in the cache as far as its `trail` says.
pub(crate) fn refusal(error: &(dyn Error + 'static), trail: &CacheTrail) -> Response<Full<Bytes>> {
    let mut response = response(error);
    if let Some(status) = trail.cache_status(detail(error)) {
        response.headers_mut().insert(CACHE_STATUS, status);
    }
    response
}

/// What failed behind the cache, as a token.
fn detail(error: &(dyn Error + 'static)) -> &'static str {
    causes(error)
        .find_map(|cause| {
            if let Some(error) = cause.downcast_ref::<UpstreamError>() {
                return Some(error.error_type());
            }
            match cause.downcast_ref::<FillFailed>() {
                Some(FillFailed::NoAnswer(_)) => None,
                Some(FillFailed::TimedOut { .. }) => Some("timeout"),
                Some(_) => Some("broken"),
                None => cause.is::<TimedOut>().then_some("timeout"),
            }
        })
        .unwrap_or("failed")
}

/// An error and what caused it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The response that an error is.
fn response(error: &(dyn Error + 'static)) -> Response<Full<Bytes>> {
    causes(error).find_map(known).unwrap_or_else(|| {
        tracing::error!(error, "A request failed for a reason that has no response of its own.");
        problem(ProblemType::Internal, "the request failed within the sidecar; its log says why")
            .into_response()
    })
}

/// The response of an error of a layer, if this is one.
fn known(error: &(dyn Error + 'static)) -> Option<Response<Full<Bytes>>> {
    if let Some(error) = error.downcast_ref::<Overloaded>() {
        let limit = u64::try_from(error.limit).unwrap_or(u64::MAX);
        let problem = problem(ProblemType::Overloaded, error).with_limit("sidecar.maxInFlight", limit);
        return Some(problem.with_retry_after(SOON).into_response());
    }
    if let Some(error) = error.downcast_ref::<Unauthorized>() {
        let mut response = problem(ProblemType::Unauthorized, error).into_response();
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(error.challenge()));
        return Some(response);
    }
    if let Some(error) = error.downcast_ref::<Throttled>() {
        return Some(throttled(error));
    }
    if let Some(error) = error.downcast_ref::<TimedOut>() {
        return Some(problem(ProblemType::UpstreamTimeout, error).into_response());
    }
    if let Some(error) = error.downcast_ref::<ProxyError>() {
        return Some(refused(*error));
    }
    if let Some(error) = error.downcast_ref::<FillFailed>() {
        return load_failed(error);
    }
    let error = error.downcast_ref::<UpstreamError>()?;
    tracing::debug!(%error, "The server gave no answer.");
    Some(match error {
        UpstreamError::NotListening { .. } => {
            problem(ProblemType::NotReady, error).with_retry_after(SOON).into_response()
        }
        _ => problem(ProblemType::UpstreamFailed, error).into_response(),
    })
}

fn problem(kind: ProblemType, error: &(impl ToString + ?Sized)) -> Problem {
    let mut sentence = error.to_string();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence.push('.');
    Problem::new(kind, sentence)
}

/// A load that failed by itself; one whose request failed is answered by that failure.
fn load_failed(error: &FillFailed) -> Option<Response<Full<Bytes>>> {
    let kind = match error {
        FillFailed::NoAnswer(_) => return None,
        FillFailed::TimedOut { .. } => ProblemType::UpstreamTimeout,
        FillFailed::Died => ProblemType::Internal,
        _ => ProblemType::UpstreamFailed,
    };
    Some(problem(kind, error).into_response())
}

fn throttled(error: &Throttled) -> Response<Full<Bytes>> {
    let problem = problem(ProblemType::TooManyRequests, error)
        .with_limit("sidecar.throttle.rate", error.rate.per_second().into())
        .with_retry_after(error.retry_after_seconds());
    let mut response = problem.into_response();
    for (name, value) in [("ratelimit-policy", error.policy_field()), ("ratelimit", error.remaining_field())]
    {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn refused(error: ProxyError) -> Response<Full<Bytes>> {
    match error {
        ProxyError::Host => problem(ProblemType::BadRequest, &error).into_response(),
        ProxyError::Connect => {
            let mut response: Response<Full<Bytes>> =
                problem(ProblemType::MethodNotAllowed, &error).into_response();
            let allowed = HeaderValue::from_static("GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS");
            response.headers_mut().insert(ALLOW, allowed);
            response
        }
    }
}
