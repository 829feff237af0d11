//! What an exchange with the upstream gave, past the inner service.

use bytes::Bytes;
use http::Response;

/// The server's answer to a plain GET.
#[derive(Debug)]
pub enum Exchanged<B> {
    /// All of it is there.
    Whole(Response<Bytes>),
    /// Its body is still to come, or perhaps so.
    Streamed(Response<B>),
}
