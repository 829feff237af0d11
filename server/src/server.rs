//! The life of a server: bind, read the log, serve, drain, flush.
//!
//! Everything is bound first, so that a taken port is told at once and not after a long replay. While the
//! log is read, probes see its progress and clients get 503 with `Retry-After`.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body::Body;
use kivi_layers::metrics::{HttpMetrics, MetricsLayer};
use kivi_layers::trace::TraceLayer;
use kivi_process::admin;
use kivi_process::health::Health;
use kivi_process::listen::{Address, ListenError, Listener, Peer};
use kivi_process::serve::{Drained, RequestBody, ServeOptions, serve, serve_router};
use kivi_process::tls::TlsError;
use kivi_store::{
    FileLog, FileLogOptions, LogError, OpenError, ReplayProgress, Store, StoreError, StoreOptions,
};
use prometheus_client::registry::Registry;
use thiserror::Error;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tower::{BoxError, Layer, Service};

use crate::config::Config;
use crate::edge::Edge;
use crate::express::Lane;
use crate::routes::{Routes, StoreCell, route_of};
use crate::{memory, metrics, operations, readiness};

/// How long a probe or an operation under way may take when the server ends.
const SIDE_GRACE: Duration = Duration::from_secs(1);

/// Why a server ended other than it was told to.
#[derive(Debug, Error)]
pub enum RunError {
    /// It cannot learn when to end.
    #[error("cannot receive signals: {0}")]
    Signals(io::Error),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The log cannot be opened.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log cannot be replayed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What was accepted could not be made durable at the end.
    #[error("cannot flush the store: {0}")]
    Close(#[from] StoreError),
    /// A part of the server panicked.
    #[error("a part of the server ended by a fault: {0}")]
    Fault(#[from] JoinError),
}

/// Binds, and serves until `shutdown`.
///
/// # Errors
/// See [`RunError`].
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), RunError> {
    Server::bind(config).await?.serve(shutdown).await
}

/// A server whose addresses are bound and that serves nobody yet.
pub struct Server {
    config: Config,
    clients: Listener,
    health: Listener,
    admin: Listener,
}

impl Server {
    /// Binds the three addresses.
    ///
    /// # Errors
    /// Names the address that cannot be listened on.
    pub async fn bind(config: Config) -> Result<Self, ListenError> {
        let health = config.health_listen.bind().await?;
        let admin = config.admin_listen.bind().await?;
        let clients = config.listen.bind().await?;
        Ok(Self { config, clients, health, admin })
    }

    /// Where clients are served.
    pub fn address(&self) -> &Address {
        self.clients.local_addr()
    }

    /// Where probes and metrics are served.
    pub fn health_address(&self) -> &Address {
        self.health.local_addr()
    }

    /// Where operations are served.
    pub fn admin_address(&self) -> &Address {
        self.admin.local_addr()
    }

    /// Serves until `shutdown`; then answers what is in flight, for at most the grace period, and makes
    /// durable what was accepted.
    ///
    /// # Errors
    /// When the log cannot be read or flushed.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<(), RunError> {
        let Self { config, clients, health, admin } = self;
        let (store, progress) = (StoreCell::default(), ReplayProgress::default());
        let mut registry = Registry::default();
        let http = HttpMetrics::register(&mut registry);
        let answers = config.access.is_open() && !config.traced;
        let lane = Lane::new(StoreCell::clone(&store), config.limits, &http, answers);
        let service = service(&config, StoreCell::clone(&store), http, shutdown.clone());
        let connections = metrics::register(&mut registry, StoreCell::clone(&store), config.data_dir.clone());
        let log = FileLogOptions { on_sync: Some(metrics::log_syncs(&mut registry)), ..config.log.clone() };
        let probes = Health::new(Arc::new(registry));
        readiness::register(&probes, StoreCell::clone(&store), progress.clone(), shutdown.clone());

        // These serve until the very end, and end when they are dropped; also when this is cancelled.
        let mut side = JoinSet::new();
        let end = CancellationToken::new();
        let _end_with_this = end.clone().drop_guard();
        side.spawn(serve_router(health, probes.router(), end.clone(), SIDE_GRACE));
        let operations = config.log_levels.clone().map(admin::router).unwrap_or_default();
        let operations = operations.merge(operations::router(StoreCell::clone(&store)));
        side.spawn(serve_router(admin, operations, end.clone(), SIDE_GRACE));
        tokio::spawn(config.access.tokens().watch(end.clone()));
        // The store answers soon, so a client that has said all is worth waiting for.
        let mut options = ServeOptions {
            half_close: true,
            max_connections: config.connections,
            over_limit: Some(kivi_api::too_many_connections(config.connections)),
            metrics: connections,
            max_head: config.request_head_bytes,
            ..ServeOptions::default()
        };
        if let Some(certificates) = &config.certificates {
            options.tls = Some(certificates.server_config()?);
            tokio::spawn(Arc::clone(certificates).watch(end.clone()));
        }

        tracing::info!(address = %clients.local_addr(), "Listening.");
        memory::warn_of_too_little(&config.limit_settings);
        let stop = shutdown.child_token();
        let serving = tokio::spawn(serve(clients, lane, service, options, stop.clone(), config.grace));
        let opened = match stop.run_until_cancelled(open(&config, log, progress)).await {
            Some(Ok(opened)) => {
                // Nobody else fills the cell.
                let _ = store.set(Arc::clone(&opened));
                Some(opened)
            }
            None => None,
            Some(Err(error)) => {
                stop.cancel();
                serving.await?;
                return Err(error);
            }
        };
        tell(serving.await?);
        if let Some(opened) = opened {
            opened.close().await?;
            tracing::info!(revision = opened.status().last_revision, "The store is flushed and closed.");
        }
        end.cancel();
        side.join_all().await;
        Ok(())
    }
}

/// From a connection's request to the store, outermost first.
fn service(
    config: &Config,
    store: StoreCell,
    metrics: HttpMetrics,
    shutdown: CancellationToken,
) -> impl Service<
    Request<RequestBody>,
    Response = Response<impl Body<Data = Bytes, Error = BoxError> + Send + 'static>,
    Error = Infallible,
    Future: Send + 'static,
> + Clone
+ Send
+ 'static {
    let routes = Routes::new(store, config.limits, shutdown);
    // Joins the trace of the sidecar or of the client; sees every answer, refusals too.
    TraceLayer::server(route_of, peer).layer(
        // Counts what was answered, refusals too.
        MetricsLayer::new(metrics, route_of).layer(
            // Turns refusals into answers, so that what is further out sees only answers.
            Edge::new(
                // Before any route, so that nobody learns from an answer what is stored.
                config.access.layer().layer(routes),
            ),
        ),
    )
}

fn peer(extensions: &Extensions) -> kivi_layers::Peer {
    let peer = extensions.get::<Peer>();
    kivi_layers::Peer { address: peer.and_then(|peer| peer.address), tls: peer.is_some_and(|peer| peer.tls) }
}

async fn open(
    config: &Config,
    log: FileLogOptions,
    progress: ReplayProgress,
) -> Result<Arc<Store>, RunError> {
    let dir = config.data_dir.clone();
    let log = tokio::task::spawn_blocking(move || FileLog::open(&dir, log)).await??;
    let options = StoreOptions {
        limits: config.store_limits,
        request_window: config.request_window,
        compact_at_garbage: Some(config.compact_at_garbage),
        progress,
        ..StoreOptions::default()
    };
    // On its own task: reading the log must not keep the probes of this one waiting.
    let store = tokio::spawn(Store::open(log, options)).await??;
    let status = store.status();
    tracing::info!(keys = status.keys, revision = status.last_revision, "The log is read; serving.");
    Ok(store)
}

fn tell(drained: Drained) {
    match drained {
        Drained::Graceful => tracing::info!("Every request in flight was answered."),
        Drained::DeadlineExceeded { connections } => {
            tracing::warn!(connections, "The grace period ended before every request was answered.");
        }
    }
}
