//! Wires the process: client, start-up check, health, controller, and its end.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use kivi_crds::{KeyValueStore, KeyValueStoreBackup};
use kivi_process::health::{Check, Health};
use kivi_process::listen::{Address, ListenError};
use kivi_process::serve::serve_router;
use kube::api::ListParams;
use kube::client::ClientBuilder;
use kube::{Client, Config};
use kube_runtime::events::{Recorder, Reporter};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::answer::{Said, is_absent};
use crate::apply::FIELD_MANAGER;
use crate::backup::{self, ages::Ages, known::Copies, model::Tools};
use crate::catalog::source::{self, SourceError};
use crate::cli::RunArgs;
use crate::controller::{Controller, Scope};
use crate::metrics::Metrics;
use crate::progress::Progress;
use crate::reconcile::Context;
use crate::rollouts::Rollouts;

/// How long a probe in flight may take once the operator stops.
const PROBES_GRACE: Duration = Duration::from_secs(1);

/// Why the operator cannot run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The catalog cannot be used.
    #[error(transparent)]
    Catalog(#[from] SourceError),
    /// No API server is configured.
    #[error("no API server is configured: run in a pod with a ServiceAccount, or set KUBECONFIG: {0}")]
    Config(#[from] kube::config::InferConfigError),
    /// The client cannot be made.
    #[error("cannot make a client of the API server: {0}")]
    Client(#[source] kube::Error),
    /// The resource is not defined.
    #[error(
        "the cluster does not know KeyValueStore or KeyValueStoreBackup: install the definitions first, with `kivi-operator crd | kubectl apply --server-side -f -`"
    )]
    NoDefinition,
    /// The API server does not let stores be read.
    #[error("cannot list KeyValueStores and their backups: {}", Said(_0))]
    Unreadable(kube::Error),
    /// The health port cannot be bound.
    #[error("--health-listen: {0}")]
    Listen(#[from] ListenError),
}

impl RunError {
    /// Whether its cause is on the command line.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Catalog(_))
    }
}

/// Runs until `shutdown`.
///
/// # Errors
/// What keeps the operator from starting.
pub async fn run(args: RunArgs, shutdown: CancellationToken) -> Result<(), RunError> {
    // Before anything starts: a catalog that cannot be used is a mistake on the command line.
    let (source, catalog) = source::load(&args)?;
    let progress = Progress::default();
    let client = client(&progress).await?;
    let scope = Scope { client: client.clone(), namespace: args.namespace().map(str::to_owned) };
    check_definition(&scope).await?;

    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let mut controller = Controller::new(&scope);
    let mut backups = backup::controller::Controller::new(&scope);
    controller.also(backups.stores());
    registry.register_collector(Box::new(Ages(controller.stores())));
    let health = health(registry, &progress, &controller);
    let listener = Address::Tcp(args.health_listen).bind().await?;
    // On a task of its own: probes are answered while reconciles compute.
    let probes = tokio::spawn(serve_router(listener, health.router(), shutdown.clone(), PROBES_GRACE));

    let recorder = Recorder::new(client.clone(), reporter());
    let of_backups = backup::Context {
        client: client.clone(),
        tools: Tools::own(&args),
        recorder: recorder.clone(),
        metrics: metrics.clone(),
        backups: backups.backups(),
    };
    let following = tokio::spawn(source.run(shutdown.clone()));
    let context = Context {
        recorder,
        copies: Copies { backups: backups.backups(), tools: Tools::own(&args) },
        catalog,
        rollouts: Arc::new(Rollouts::new(args.max_rollouts)),
        cluster_domain: args.cluster_domain.clone(),
        client,
        metrics,
        failures: Mutex::default(),
    };
    tracing::info!(
        version = kivi_crds::RELEASE,
        namespace = args.namespace().unwrap_or("all"),
        concurrency = args.concurrency,
        "The operator reconciles."
    );
    futures::join!(
        controller.run(context, args.concurrency, shutdown.clone()),
        backups.run(of_backups, shutdown)
    );
    if let Err(error) = probes.await {
        tracing::error!(%error, "The health port failed.");
    }
    if let Err(error) = following.await {
        tracing::error!(%error, "The catalog's file is no longer followed.");
    }
    tracing::info!("The operator stopped.");
    Ok(())
}

async fn client(progress: &Progress) -> Result<Client, RunError> {
    let config = Config::infer().await?;
    let builder = ClientBuilder::try_from(config).map_err(RunError::Client)?;
    Ok(builder.with_layer(progress).build())
}

/// A watch of a kind that the cluster does not know would wait for ever; better to say so and leave.
async fn check_definition(scope: &Scope) -> Result<(), RunError> {
    let one = ListParams::default().limit(1);
    let stores = async { scope.api::<KeyValueStore>().list_metadata(&one).await.map(drop) };
    let backups = async { scope.api::<KeyValueStoreBackup>().list_metadata(&one).await.map(drop) };
    match futures::try_join!(stores, backups) {
        Ok(_) => Ok(()),
        Err(error) if is_absent(&error) => Err(RunError::NoDefinition),
        Err(error) => Err(RunError::Unreadable(error)),
    }
}

fn health(registry: Registry, progress: &Progress, controller: &Controller) -> Health {
    let health = Health::new(Arc::new(registry));
    let watches = progress.clone();
    health.live_check("watches", move || {
        let watches = watches.clone();
        async move { watches.check() }.boxed()
    });
    let stores = controller.stores();
    health.ready_check("stores", move || {
        let stores = stores.clone();
        async move {
            // Ready once the first list is complete; until then the stores are not all known.
            match stores.wait_until_ready().now_or_never() {
                Some(Ok(())) => Check::ok(format!("{} stores known", stores.len())),
                Some(Err(error)) => Check::failing(error.to_string()),
                None => Check::pending("the stores are being listed"),
            }
        }
        .boxed()
    });
    health
}

fn reporter() -> Reporter {
    Reporter { controller: FIELD_MANAGER.to_owned(), instance: std::env::var("POD_NAME").ok() }
}
