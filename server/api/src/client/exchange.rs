//! Requests and their answers as they go over the wire, below the typed calls.

use std::future::Future;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;

use super::{Client, ClientError};
use crate::Problem;

/// Longest body that is read of an answer, in bytes: the largest value that a store can be told to keep.
const MAX_BODY: usize = 64 << 20;

impl Client {
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
        let call = self.call(&method, path_and_query);
        let request = self.prepare(&method, path_and_query, headers, body)?;
        let exchange = async {
            let response =
                self.http.request(request).await.map_err(|error| ClientError::transport(&call, error))?;
            self.whole(&call, response).await
        };
        self.in_time(&call, exchange).await
    }

    /// Sends a request without a body and reads the head of its answer; its body has no time to end in.
    pub(super) async fn open(
        &self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>, ClientError> {
        let call = self.call(&method, path_and_query);
        let request = self.prepare(&method, path_and_query, headers, Bytes::new())?;
        let exchange =
            async { self.http.request(request).await.map_err(|error| ClientError::transport(&call, error)) };
        self.in_time(&call, exchange).await
    }

    /// What an answer that is no success says.
    pub(super) async fn refusal(&self, call: &str, answer: Response<Incoming>) -> ClientError {
        match self.in_time(call, self.whole(call, answer)).await {
            Ok(answer) => refused(&answer),
            Err(error) => error,
        }
    }

    async fn whole(&self, call: &str, answer: Response<Incoming>) -> Result<Response<Bytes>, ClientError> {
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|error| ClientError::transport(call, error))?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }

    async fn in_time<T>(
        &self,
        call: &str,
        exchange: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        let timeout = self.timeout;
        let late = |_| Err(ClientError::Timeout { call: call.to_owned(), timeout });
        tokio::time::timeout(timeout, exchange).await.unwrap_or_else(late)
    }

    /// Method and URL, for errors.
    pub(super) fn call(&self, method: &Method, path_and_query: &str) -> String {
        format!("{method} {}://{}{path_and_query}", self.scheme, self.authority)
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

    pub(super) async fn expect(
        &self,
        method: Method,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, ClientError> {
        let response = self.request(method, path_and_query, headers, body).await?;
        if response.status().is_success() { Ok(response) } else { Err(refused(&response)) }
    }

    pub(super) fn read_json<T: DeserializeOwned>(
        &self,
        method: &Method,
        path_and_query: &str,
        body: &[u8],
    ) -> Result<T, ClientError> {
        serde_json::from_slice(body)
            .map_err(|error| ClientError::body(&self.call(method, path_and_query), &error))
    }
}

fn refused(answer: &Response<Bytes>) -> ClientError {
    let problem = Problem::from_response(answer.status(), answer.headers(), answer.body());
    ClientError::Refused(Box::new(problem))
}
