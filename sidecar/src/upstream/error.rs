//! Why there is no answer from the server.

use std::{io, sync::Arc, time::Duration};

use kivi_layers::trace::ErrorType;
use thiserror::Error;

/// Why there is no answer from the server. Cloneable, as the requests that share a load share its
/// failure.
#[derive(Debug, Clone, Error)]
pub enum UpstreamError {
    /// Nobody listens there (yet, or for the moment).
    #[error("the server at {target} is not running: {source}")]
    NotListening {
        /// Where.
        target: String,
        /// What the kernel said.
        source: Arc<io::Error>,
    },
    /// It cannot be connected to.
    #[error("cannot connect to the server at {target}: {source}")]
    Connect {
        /// Where.
        target: String,
        /// What the kernel said.
        source: Arc<io::Error>,
    },
    /// It does not accept connections.
    #[error("the server at {target} did not accept a connection within {limit:?}")]
    ConnectTimeout {
        /// Where.
        target: String,
        /// How long it was given.
        limit: Duration,
    },
    /// The exchange broke off before the answer's head was complete.
    #[error("the server at {target} did not answer: {source}")]
    Broken {
        /// Where.
        target: String,
        /// What went wrong.
        source: Arc<hyper::Error>,
        /// Whether the connection had been used before, so that the server may just have closed it.
        reused: bool,
    },
    /// The same, on a connection that hyper does not read.
    #[error("the server at {target} did not answer: {source}")]
    Lost {
        /// Where.
        target: String,
        /// What the kernel said.
        source: Arc<io::Error>,
    },
    /// It answered with a switch of protocols that nobody asked for.
    #[error("the server at {target} switched protocols without being asked")]
    Switched {
        /// Where.
        target: String,
    },
}

impl UpstreamError {
    /// Whether the same request, if it may be repeated at all, should be sent on a fresh connection.
    pub fn is_stale_connection(&self) -> bool {
        match self {
            Self::Broken { source, reused: true, .. } => {
                !source.is_parse() && !source.is_user() && !source.is_timeout()
            }
            _ => false,
        }
    }
}

impl ErrorType for UpstreamError {
    fn error_type(&self) -> &'static str {
        match self {
            Self::NotListening { .. } => "connection_refused",
            Self::Connect { .. } => "connect",
            Self::ConnectTimeout { .. } => "connect_timeout",
            Self::Broken { .. } | Self::Lost { .. } => "broken",
            Self::Switched { .. } => "switched_protocols",
        }
    }
}
