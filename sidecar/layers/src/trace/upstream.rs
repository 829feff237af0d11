//! Where a client sends its requests.

/// Where a client sends its requests, as attributes.
#[derive(Debug, Clone)]
pub struct Upstream {
    pub(super) base: String,
    pub(super) address: String,
    pub(super) port: Option<u16>,
}

impl Upstream {
    /// `base` is the URL before the path, `address` the host name or the path of the Unix socket.
    pub fn new(base: impl Into<String>, address: impl Into<String>, port: Option<u16>) -> Self {
        Self { base: base.into(), address: address.into(), port }
    }
}
