//! An answer that is written once it is there.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use tower::BoxError;

/// An answer that is to be written.
pub trait Reply: Send {
    /// Its body.
    type Body: Body<Data = Bytes, Error: Into<BoxError>> + Send;

    /// Its status.
    fn status(&self) -> StatusCode;

    /// Hands over each field, and is at its end.
    fn fields(&self, each: &mut dyn FnMut(&str, &[u8]));

    /// What is left of it.
    fn into_body(self) -> Self::Body;
}

impl<B: Body<Data = Bytes, Error: Into<BoxError>> + Send> Reply for Response<B> {
    type Body = B;

    fn status(&self) -> StatusCode {
        self.status()
    }

    fn fields(&self, each: &mut dyn FnMut(&str, &[u8])) {
        each_of(self.headers(), each);
    }

    fn into_body(self) -> B {
        self.into_body()
    }
}

/// Hands over each field of a map.
pub fn each_of(headers: &HeaderMap, each: &mut dyn FnMut(&str, &[u8])) {
    for (name, value) in headers {
        each(name.as_str(), value.as_bytes());
    }
}
