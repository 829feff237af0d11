//! Errors on the wire: `application/problem+json` of RFC 9457, each with a stable `type`.

mod kind;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use serde::{Deserialize, Serialize};

pub use kind::ProblemType;

use crate::headers::{BEARER_CHALLENGE, PROBLEM_JSON};
use crate::wire::FailedCondition;

/// One error, as it is sent and as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// What kind of problem it is; programs decide by this.
    #[serde(rename = "type", default)]
    pub kind: ProblemType,
    /// The kind in words, the same for every occurrence.
    #[serde(default)]
    pub title: Cow<'static, str>,
    /// HTTP status code.
    #[serde(default)]
    pub status: u16,
    /// What happened to this request, in one sentence with the way out.
    #[serde(default)]
    pub detail: Cow<'static, str>,
    /// The limit that was hit, when one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// The conditions of a transaction that do not hold.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub failed: Box<[FailedCondition]>,
    /// The resource that does not know the method; its methods are sent as the `Allow` field, not in the body.
    #[serde(skip)]
    pub allow: Option<Resource>,
    /// Seconds until another try makes sense; sent as the `Retry-After` field, not in the body.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

/// A limit that a request hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limit {
    /// The setting's dotted name, as in a `KeyValueStore`'s spec: `limits.valueBytes`.
    pub name: Cow<'static, str>,
    /// Its value, in the setting's unit.
    pub value: u64,
}

/// A resource of the API, by what it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// `/v1/{key}`
    Key,
    /// `/v1/`
    Collection,
    /// `/openapi.json`
    Document,
    /// `/snapshot`
    Snapshot,
    /// `/log`
    Log,
}

impl Resource {
    /// The methods that it knows.
    pub fn methods(self) -> &'static str {
        match self {
            Self::Key => "GET, HEAD, PUT, DELETE",
            Self::Collection => "GET, HEAD, POST",
            Self::Document | Self::Snapshot | Self::Log => "GET, HEAD",
        }
    }

    /// Its name, to begin a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "A key",
            Self::Collection => "The collection of keys",
            Self::Document => "The description of the API",
            Self::Snapshot => "The snapshot",
            Self::Log => "The log",
        }
    }
}

impl Problem {
    /// A problem of a kind, with what happened to this request as one sentence.
    pub fn new(kind: ProblemType, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            title: Cow::Borrowed(kind.title()),
            status: kind.status().as_u16(),
            detail: detail.into(),
            limit: None,
            failed: Box::default(),
            allow: None,
            retry_after: None,
        }
    }

    /// Names the limit that was hit.
    #[must_use]
    pub fn with_limit(mut self, name: &'static str, value: u64) -> Self {
        self.limit = Some(Limit { name: Cow::Borrowed(name), value });
        self
    }

    /// Says when another try makes sense, in seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The problem as a response: status, `Content-Type`, and the fields that its kind demands.
    pub fn into_response<B: From<Bytes>>(self) -> Response<B> {
        // A struct of strings and numbers serialises; the fallback keeps the status right all the same.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = Response::new(B::from(Bytes::from(body)));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        if self.kind == ProblemType::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, BEARER_CHALLENGE);
        }
        if let Some(resource) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(resource.methods()));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// Reads a problem from a response; one that has no readable body still tells its status.
    pub fn from_response(status: StatusCode, headers: &http::HeaderMap, body: &[u8]) -> Self {
        let mut problem: Self = serde_json::from_slice(body).unwrap_or_else(|_| Self {
            kind: ProblemType::Unknown,
            title: Cow::Borrowed(status.canonical_reason().unwrap_or("Unknown status")),
            status: status.as_u16(),
            detail: Cow::Owned(String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned()),
            limit: None,
            failed: Box::default(),
            allow: None,
            retry_after: None,
        });
        problem.status = status.as_u16();
        problem.retry_after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        problem
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.title)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_rfc_9457_and_names_the_limit() {
        let response: Response<Bytes> =
            Problem::new(ProblemType::ValueTooLarge, "The value has 9 bytes; at most 8 fit.")
                .with_limit("limits.valueBytes", 8)
                .into_response();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "https://kivi.dev/problems/value-too-large",
                "title": "Value too large",
                "status": 413,
                "detail": "The value has 9 bytes; at most 8 fit.",
                "limit": {"name": "limits.valueBytes", "value": 8},
            })
        );
    }

    #[test]
    fn what_is_sent_reads_back() {
        for kind in ProblemType::ALL {
            let problem = Problem::new(kind, "What happened.").with_retry_after(3);
            let response: Response<Bytes> = problem.clone().into_response();
            assert_eq!(response.headers()[RETRY_AFTER], "3");
            let read = Problem::from_response(response.status(), response.headers(), response.body());
            assert_eq!(read, problem);
        }
    }

    #[test]
    fn a_401_carries_the_challenge() {
        let response: Response<Bytes> = Problem::new(ProblemType::Unauthorized, "").into_response();
        assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer realm=\"kivi\"");
    }

    #[test]
    fn foreign_errors_are_read_as_far_as_they_go() {
        let read = |body: &str| {
            Problem::from_response(StatusCode::BAD_GATEWAY, &http::HeaderMap::new(), body.as_bytes())
        };
        assert_eq!(read("<html>").to_string(), "502 Bad Gateway: <html>");
        let unknown = read(r#"{"type": "about:blank", "detail": "Gone fishing."}"#);
        assert_eq!(
            (unknown.kind, unknown.status, &*unknown.detail),
            (ProblemType::Unknown, 502, "Gone fishing.")
        );
    }
}
