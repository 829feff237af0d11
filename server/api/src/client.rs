//! A small asynchronous client of the REST API over `http://` or `https://`.
//!
//! HTTP/2 when TLS negotiates it, HTTP/1.1 otherwise; one pool of connections a client. It makes no
//! second try of its own: whether a write whose answer was lost may be repeated is the caller's decision.

mod builder;
mod connector;
mod error;
mod outcome;

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy;

pub use builder::ClientBuilder;
pub use error::ClientError;
pub use outcome::{Deleted, Metadata, Value, Written};

use crate::{etag, key, problem::Problem};
use connector::Connector;

/// Longest body that is read of an answer, in bytes: the largest value that a store can be told to keep.
const MAX_BODY: usize = 64 << 20;

/// What must hold of a key for a write to be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// The key has no value (`If-None-Match: *`).
    Absent,
    /// The key has a value (`If-Match: *`).
    Exists,
    /// The key's value is of this revision (`If-Match`).
    Revision(u64),
}

impl Precondition {
    fn write(self, headers: &mut HeaderMap) {
        const ANY: HeaderValue = HeaderValue::from_static("*");
        match self {
            Self::None => None,
            Self::Absent => headers.insert(IF_NONE_MATCH, ANY),
            Self::Exists => headers.insert(IF_MATCH, ANY),
            Self::Revision(revision) => headers.insert(IF_MATCH, etag::of_revision(revision)),
        };
    }
}

/// A client of one store. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: legacy::Client<Connector, Full<Bytes>>,
    scheme: Scheme,
    authority: Authority,
    /// `Bearer TOKEN`, marked sensitive so that no debug output shows it.
    authorization: Option<HeaderValue>,
    timeout: Duration,
}

impl Client {
    /// A client of the store at `url`, as in `https://orders.default.svc`; see [`ClientBuilder`] for the
    /// rest.
    pub fn builder(url: &str) -> ClientBuilder {
        ClientBuilder::new(url)
    }

    /// Stores a value under a key. Without a media type it is `application/octet-stream`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with status 412 when the precondition does not hold; see [`ClientError`]
    /// for the rest.
    pub async fn put(
        &self,
        key: &[u8],
        value: impl Into<Bytes>,
        media_type: Option<&HeaderValue>,
        precondition: Precondition,
    ) -> Result<Written, ClientError> {
        let mut headers = HeaderMap::new();
        precondition.write(&mut headers);
        if let Some(media_type) = media_type {
            headers.insert(CONTENT_TYPE, media_type.clone());
        }
        let response = self.expect_success(Method::PUT, key, headers, value.into()).await?;
        Written::read(&response)
    }

    /// The value of a key; None when it has none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get(&self, key: &[u8]) -> Result<Option<Value>, ClientError> {
        self.read(Method::GET, key).await?.map(Value::read).transpose()
    }

    /// All but the value of a key; None when it has none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn head(&self, key: &[u8]) -> Result<Option<Metadata>, ClientError> {
        self.read(Method::HEAD, key).await?.map(|response| Metadata::read(response.headers())).transpose()
    }

    /// Deletes a key; that it is absent is a success.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with status 412 when the precondition does not hold; see [`ClientError`]
    /// for the rest.
    pub async fn delete(&self, key: &[u8], precondition: Precondition) -> Result<Deleted, ClientError> {
        let mut headers = HeaderMap::new();
        precondition.write(&mut headers);
        let response = self.expect_success(Method::DELETE, key, headers, Bytes::new()).await?;
        Deleted::read(response.headers())
    }

    /// Sends any request and reads its whole answer, whatever its status; for what the typed calls do not
    /// cover. The bearer token is added unless `headers` has an `Authorization` of its own.
    ///
    /// # Errors
    /// When no answer came: [`ClientError::Transport`], [`ClientError::Timeout`] or
    /// [`ClientError::Answer`]; [`ClientError::Url`] when the path is not one.
    pub async fn request(
        &self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, ClientError> {
        let request = self.prepare(&method, path_and_query, headers, body)?;
        let call = format!("{method} {}://{}{path_and_query}", self.scheme, self.authority);
        let exchange = async {
            let response =
                self.http.request(request).await.map_err(|error| ClientError::transport(&call, error))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY)
                .collect()
                .await
                .map_err(|error| ClientError::transport(&call, error))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        tokio::time::timeout(self.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(ClientError::Timeout { call: call.clone(), timeout: self.timeout }))
    }

    fn prepare(
        &self,
        method: &Method,
        path_and_query: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let url_error = |reason: &dyn std::fmt::Display| ClientError::Url {
            url: path_and_query.to_owned(),
            reason: reason.to_string(),
        };
        let path: PathAndQuery = path_and_query.parse().map_err(|error| url_error(&error))?;
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
            .map_err(|error| url_error(&error))?;
        if let (Some(authorization), false) = (&self.authorization, headers.contains_key(AUTHORIZATION)) {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    async fn read(&self, method: Method, key: &[u8]) -> Result<Option<Response<Bytes>>, ClientError> {
        let result = self.expect_success(method, key, HeaderMap::new(), Bytes::new()).await;
        match result {
            Ok(response) => Ok(Some(response)),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn expect_success(
        &self,
        method: Method,
        key: &[u8],
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, ClientError> {
        let response = self.request(method, &key::to_path(key), headers, body).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let problem = Problem::from_response(response.status(), response.headers(), response.body());
        Err(ClientError::Refused(Box::new(problem)))
    }
}
