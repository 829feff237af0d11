//! The admin port: operations that change a running process. It listens on loopback only, which
//! [`require_loopback`] holds; `kubectl port-forward` reaches it.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use http::StatusCode;
use thiserror::Error;

use crate::listen::Address;
use crate::telemetry::LogLevels;

/// The admin port was to be opened to other machines.
#[derive(Debug, Error)]
#[error("--admin-listen {address}: the admin port must listen on loopback, as in 127.0.0.1:{}", port(.address))]
pub struct NotLoopback {
    address: Address,
}

fn port(address: &Address) -> u16 {
    match address {
        Address::Tcp(address) => address.port(),
        Address::Unix(_) => 0,
    }
}

/// Refuses an address that other machines can reach.
///
/// # Errors
/// Names the flag, the address and the way out.
pub fn require_loopback(address: &Address) -> Result<(), NotLoopback> {
    if address.is_loopback() { Ok(()) } else { Err(NotLoopback { address: address.clone() }) }
}

/// `PUT /log-level` with a body such as `debug` or `info,kivi_store=trace`.
pub fn router(levels: LogLevels) -> Router {
    Router::new().route("/log-level", put(set_log_level)).with_state(levels)
}

async fn set_log_level(State(levels): State<LogLevels>, level: String) -> Response {
    match levels.set(level.trim()) {
        Ok(()) => {
            tracing::info!(level = level.trim(), "The log level was changed.");
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_allowed() {
        require_loopback(&"127.0.0.1:8082".parse().unwrap()).unwrap();
        require_loopback(&"[::1]:8082".parse().unwrap()).unwrap();
        let error = require_loopback(&"0.0.0.0:8082".parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("--admin-listen 0.0.0.0:8082") && error.contains("127.0.0.1:8082"), "{error}");
    }
}
