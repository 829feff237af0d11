//! What `/readyz` checks: is the listener open, is the server ready, does the certificate hold?
//!
//! Liveness has no checks: it must not depend on the server, and a process that answers is alive.

mod certificate;
mod upstream;

use std::sync::Arc;

use futures::FutureExt;
use kivi_process::health::{Check, Health};
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Adds the sidecar's checks. Must be called within a runtime, when the listener is bound.
pub(crate) fn register(health: &Health, config: &Config, shutdown: &CancellationToken) {
    let address = config.listen.to_string();
    health.startup_check("listener", move || {
        let message = format!("listening on {address}");
        async move { Check::ok(message) }.boxed()
    });

    let (address, shutdown) = (config.listen.to_string(), shutdown.clone());
    health.ready_check("listener", move || {
        let check = if shutdown.is_cancelled() {
            Check::failing("shutting down: requests in flight are answered, new connections are not")
        } else {
            Check::ok(format!("listening on {address}"))
        };
        async move { check }.boxed()
    });

    let source = Arc::new(upstream::Source::new(&config.upstream, &config.upstream_ready));
    health.ready_check("upstream", move || Arc::clone(&source).check().boxed());

    let tls = config.tls.clone();
    health.ready_check("certificate", move || {
        let check = certificate::check(tls.as_ref());
        async move { check }.boxed()
    });
}
