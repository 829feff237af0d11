//! Why a request is not passed on.

use thiserror::Error;

/// Why a request is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProxyError {
    /// RFC 9112, section 3.2: such a request is ambiguous.
    #[error("an HTTP/1.1 request must have one `Host` field with a valid value")]
    Host,
    /// Nothing here is a tunnel.
    #[error("this gateway opens no tunnels: CONNECT is not served")]
    Connect,
}
