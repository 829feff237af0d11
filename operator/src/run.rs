//! Wires the process: clients, election, start-up check, health, terms, and its end.

use std::fmt::Debug;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::join_all;
use kivi_crds::{KeyValueStore, KeyValueStoreBackup};
use kivi_process::health::Health;
use kivi_process::listen::{Address, ListenError};
use kivi_process::serve::serve_router;
use kube::api::ListParams;
use kube::{Api, Config};
use kube_runtime::events::{Recorder, Reporter};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::answer::{Said, is_absent, is_forbidden};
use crate::backup::{ages::Ages, known::Copies, model::Tools};
use crate::catalog::source::{self, SourceError};
use crate::cli::{ElectionArgs, RunArgs};
use crate::client;
use crate::controller::Scope;
use crate::election::campaign::Campaign;
use crate::election::leadership::{Ended, Leadership};
use crate::election::{Timing, TimingError};
use crate::field_manager::FIELD_MANAGER;
use crate::metrics::Metrics;
use crate::progress::Progress;
use crate::reconcile::Context;
use crate::rollouts::Rollouts;
use crate::term::{Known, Terms};

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
    /// Two could lead at once.
    #[error(transparent)]
    Timing(#[from] TimingError),
    /// It will not lead again.
    #[error(transparent)]
    Election(#[from] Ended),
}

impl RunError {
    /// Whether its cause is on the command line.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Catalog(_) | Self::Timing(_))
    }
}

/// Runs until `shutdown`.
///
/// # Errors
/// What keeps the operator from starting.
pub async fn run(args: RunArgs, shutdown: CancellationToken) -> Result<(), RunError> {
    // Before anything starts: a catalog that cannot be used is a mistake on the command line.
    let (source, catalog) = source::load(&args)?;
    let timing = args.election.timing()?;
    let config = Config::infer().await?;
    let mut registry = Registry::default();
    let metrics = Metrics::register(&mut registry);
    let resign = CancellationToken::new();
    let (leadership, campaign) = if args.election.leader_election {
        let campaign = campaign(&args.election, timing, config.clone(), metrics.clone())?;
        let (until, receiver) = watch::channel(None);
        // On a task of its own: the Lease is renewed while reconciles compute.
        (Leadership::of(receiver), Some((campaign, until)))
    } else {
        (Leadership::sole(), None)
    };
    let progress = Progress::default();
    let client = client::reconciling(config, &progress, &leadership).map_err(RunError::Client)?;
    let scope = Scope { client: client.clone(), namespaces: args.namespaces() };
    check_definition(&scope).await?;

    let known = Known::default();
    registry.register_collector(Box::new(Ages(known.clone())));
    let health = health(registry, &progress, &known);
    let listener = Address::Tcp(args.health_listen).bind().await?;
    // On a task of its own: probes are answered while reconciles compute.
    let stopped = CancellationToken::new();
    let probes = tokio::spawn(serve_router(listener, health.router(), stopped.clone(), PROBES_GRACE));

    let following = tokio::spawn(source.run(shutdown.clone()));
    let context = Context {
        recorder: Recorder::new(client.clone(), reporter()),
        copies: Copies::new(Tools::own(&args)),
        catalog,
        rollouts: Arc::new(Rollouts::new(args.max_rollouts)),
        cluster_domain: args.cluster_domain.clone(),
        client,
        metrics,
        ledger: Arc::default(),
        failures: Mutex::default(),
    };
    tracing::info!(
        version = kivi_crds::RELEASE,
        namespaces = match args.namespaces().as_slice() {
            [] => "all".to_owned(),
            names => names.join(","),
        },
        concurrency = args.concurrency,
        leader_election = args.election.leader_election,
        "The operator runs."
    );
    let campaign = campaign.map(|(campaign, until)| tokio::spawn(campaign.run(until, resign.clone())));
    let terms = Terms { scope, context: Arc::new(context), concurrency: args.concurrency, progress, known };
    let served = terms.serve(leadership, &shutdown).await;
    // Only now: nothing of this process writes any more, so another may.
    resign.cancel();
    if let Some(campaign) = campaign
        && let Err(error) = campaign.await
    {
        tracing::error!(%error, "The election failed.");
    }
    stopped.cancel();
    if let Err(error) = probes.await {
        tracing::error!(%error, "The health port failed.");
    }
    if let Err(error) = following.await {
        tracing::error!(%error, "The catalog's file is no longer followed.");
    }
    tracing::info!("The operator stopped.");
    Ok(served?)
}

fn campaign(
    args: &ElectionArgs,
    timing: Timing,
    config: Config,
    metrics: Metrics,
) -> Result<Campaign, RunError> {
    let client = client::electing(config).map_err(RunError::Client)?;
    let namespace = Some(args.lease_namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let namespace = namespace.unwrap_or(client.default_namespace()).to_owned();
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let pod = variable("POD_NAME").unwrap_or_else(|| FIELD_MANAGER.to_owned());
    // A pod that is made anew under its name is another process. Outside a pod chance tells processes apart.
    let uid = variable("POD_UID").unwrap_or_else(|| format!("{:016x}", rand::random::<u64>()));
    Ok(Campaign {
        leases: Api::namespaced(client, &namespace),
        name: args.lease_name.clone(),
        me: format!("{pod}_{uid}"),
        timing,
        metrics,
    })
}

/// A watch of a kind that the cluster does not know would wait for ever; better to say so and leave. A namespace that may
/// not be read, as one that went with its RoleBinding, is told and keeps none of the others waiting.
async fn check_definition(scope: &Scope) -> Result<(), RunError> {
    let (stores, backups) = (scope.apis::<KeyValueStore>(), scope.apis::<KeyValueStoreBackup>());
    let (stores, backups) =
        futures::join!(join_all(stores.iter().map(look)), join_all(backups.iter().map(look)));
    let (mut may, mut forbidden) = (false, None);
    for answers in stores.into_iter().zip(backups) {
        match answers {
            (Ok(()), Ok(())) => may = true,
            (Err(error), Err(other)) if is_forbidden(&error) && is_forbidden(&other) => {
                tracing::warn!(%error, "A namespace may not be read, and is left out until it may.");
                forbidden = Some(error);
            }
            (Err(error), _) | (_, Err(error)) if is_absent(&error) => return Err(RunError::NoDefinition),
            (Err(error), _) | (_, Err(error)) => return Err(RunError::Unreadable(error)),
        }
    }
    match forbidden {
        Some(error) if !may => Err(RunError::Unreadable(error)),
        _ => Ok(()),
    }
}

async fn look<K: Clone + Debug + DeserializeOwned>(api: &Api<K>) -> Result<(), kube::Error> {
    api.list_metadata(&ListParams::default().limit(1)).await.map(drop)
}

fn health(registry: Registry, progress: &Progress, known: &Known) -> Health {
    let health = Health::new(Arc::new(registry));
    let watches = progress.clone();
    health.live_check("watches", move || {
        let watches = watches.clone();
        async move { watches.check() }.boxed()
    });
    let known = known.clone();
    health.ready_check("stores", move || ready(known.check()).boxed());
    health
}

fn reporter() -> Reporter {
    Reporter { controller: FIELD_MANAGER.to_owned(), instance: std::env::var("POD_NAME").ok() }
}
