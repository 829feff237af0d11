//! A sidecar from bound to drained.

use std::{io, sync::Arc, time::Duration};

use kivi_api::too_many_connections;
use kivi_process::{
    admin,
    health::Health,
    listen::{Address, ListenError, Listener},
    serve::{ConnectionMetrics, Drained, ServeOptions, serve, serve_router},
    telemetry::LogLevels,
    tls::TlsError,
};
use prometheus_client::{metrics::info::Info, registry::Registry};
use thiserror::Error;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    config::Config,
    feed::Feed,
    gates::Gates,
    purge, ready,
    reload::{Reload, ReloadMetrics, Steers},
    stack::{cache, stack},
};

/// How long probes and operations in flight may take at the very end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Why a sidecar cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Signals cannot be waited for.
    #[error("cannot wait for signals: {0}")]
    Signals(#[from] io::Error),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A sidecar whose ports are bound.
#[derive(Debug)]
pub struct Sidecar {
    config: Config,
    clients: Listener,
    health: Listener,
    admin: Listener,
    options: ServeOptions,
}

impl Sidecar {
    /// Binds every port, the clients' last: when it is open, the probes are.
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        let limits = &config.settings.limits;
        let connections = limits.most_connections();
        let options = ServeOptions {
            tls: config.tls.as_ref().map(|tls| tls.certificates.server_config()).transpose()?,
            idle: config.settings.sidecar.timeouts.idle.get().into(),
            max_connections: connections,
            over_limit: Some(too_many_connections(connections)),
            max_head: limits.request_head_bytes.as_len(),
            ..ServeOptions::default()
        };
        let health = config.health_listen.bind().await?;
        let admin = config.admin_listen.bind().await?;
        let clients = config.listen.bind().await?;
        Ok(Self { config, clients, health, admin, options })
    }

    /// Where clients connect, with the real port.
    pub fn client_address(&self) -> &Address {
        self.clients.local_addr()
    }

    /// Where probes are answered, with the real port.
    pub fn health_address(&self) -> &Address {
        self.health.local_addr()
    }

    /// Where operations are answered, with the real port.
    pub fn admin_address(&self) -> &Address {
        self.admin.local_addr()
    }

    /// Serves until `shutdown` fires; then turns unready, drains, and returns how that ended. Probes are
    /// answered to the end.
    pub async fn serve(self, levels: LogLevels, shutdown: CancellationToken) -> Drained {
        let Self { mut config, clients, health, admin, mut options } = self;
        config.listen = clients.local_addr().clone();
        let mut registry = Registry::default();
        registry.register(
            "kivi_build",
            "The version of this process",
            Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]),
        );
        options.metrics = ConnectionMetrics::register(&mut registry);
        let cache = cache(&config, &mut registry);
        let control = cache.control();
        let (feed, demand) = Feed::new(&config, &control, &mut registry);
        let gates = Gates::new(&config.settings.sidecar);
        let steers =
            Steers { control: control.clone(), demand, gates: gates.clone(), idle: options.idle.clone() };
        let reload = Reload::new(&config, steers, ReloadMetrics::register(&mut registry));
        let (stack, lane) = stack(&config, &cache, &gates, &mut registry);
        let checks = Health::new(Arc::new(registry));
        ready::register(&checks, &config, &shutdown);

        let others = TaskTracker::new();
        others.spawn(Arc::clone(&config.tokens).watch(shutdown.clone()));
        if let Some(tls) = &config.tls {
            others.spawn(Arc::clone(&tls.certificates).watch(shutdown.clone()));
        }
        let drained = CancellationToken::new();
        // To the end: what is kept is served to the last request.
        others.spawn(reload.run(drained.clone()));
        others.spawn(feed.run(drained.clone()));
        let operations = admin::router(levels).merge(purge::router(control));
        for (listener, router) in [(health, checks.router()), (admin, operations)] {
            others.spawn(serve_router(listener, router, drained.clone(), LAST_ANSWERS));
        }
        others.close();

        tracing::info!(
            listen = %config.listen,
            upstream = %config.upstream,
            tls = config.tls.is_some(),
            "Serving."
        );
        let outcome = serve(clients, lane, stack, options, shutdown, config.grace).await;
        match outcome {
            Drained::Graceful => tracing::info!("Drained."),
            Drained::DeadlineExceeded { connections } => {
                tracing::warn!(connections, "The grace period is over: requests in flight were cut.");
            }
        }
        drained.cancel();
        others.wait().await;
        outcome
    }
}
