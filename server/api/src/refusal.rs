//! What a client is told whose connection is one too many: an answer without a server's work behind it.

use bytes::Bytes;
use http::Response;

use crate::problem::{Problem, ProblemType};

/// Seconds after which a place may be free again.
const RETRY_SECONDS: u64 = 1;

/// A whole HTTP/1.1 answer, 503 that names `limits.connections`, after which the connection is closed.
pub fn too_many_connections(limit: usize) -> Bytes {
    let detail = format!(
        "There are {limit} connections already, and no more are taken (limits.connections); close one or raise the limit."
    );
    let problem = Problem::new(ProblemType::Overloaded, detail)
        .with_limit("limits.connections", u64::try_from(limit).unwrap_or(u64::MAX))
        .with_retry_after(RETRY_SECONDS);
    let (parts, body) = Response::<Bytes>::into_parts(problem.into_response());
    let mut answer = format!("HTTP/1.1 {}\r\nconnection: close\r\n", parts.status).into_bytes();
    for (name, value) in &parts.headers {
        answer.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    answer.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    answer.extend_from_slice(&body);
    Bytes::from(answer)
}
