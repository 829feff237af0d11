//! Step 4 (client): sends every child to the API server, and removes those that are no longer wanted.
//!
//! Server-side apply with force: what the spec says wins, drift is corrected, and an apply at rest changes
//! nothing. It must not decide what a child looks like.

mod cluster;
mod error;
mod orphans;
mod overwrite;
pub mod scheduled_backup;

use std::marker::PhantomData;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::CronJob;
use kube::Client;

use self::cluster::Cluster;
pub use self::error::ApplyError;
use crate::build::{Applied, Children, Prepared};
use crate::foreign::ForeignKind;
use crate::ledger::Ledger;
use crate::model::Store;

/// What is known of a store before its children are applied.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// The StatefulSet as it was found: an apply answers with its status, and where none is needed, this one has it.
    pub running: Option<&'a StatefulSet>,
    /// The same of the CronJob that copies its log.
    pub archive: Option<&'a CronJob>,
    /// Whether the StatefulSet is to be kept as it is, for now.
    pub is_kept: bool,
}

/// Applies every child that is not in force by the ledger, then removes orphans. A StatefulSet that is to be kept as it
/// is, for now, is not touched.
///
/// # Errors
/// The first child that could not be applied or removed; a later reconcile goes on from there.
pub async fn apply(
    client: &Client,
    ledger: &Ledger,
    store: &Store,
    children: Children<Prepared>,
    before: Before<'_>,
) -> Result<Children<Applied>, ApplyError> {
    let cluster = Cluster { client, ledger, store };
    let wanted = orphans::wanted(store, &children);
    let name = store.names.store();
    let is_swept = !store.superseded_archive
        && wanted.is_some_and(|wanted| ledger.is_swept(&store.namespace, name, wanted));
    // Without `..`: a child that is not applied does not compile.
    let Children {
        service_account,
        authority_secret,
        certificate_secret,
        token_secret,
        trust_config_map,
        config_map,
        pods_service,
        service,
        disruption_budget,
        network_policy,
        ingress,
        foreign,
        stateful_set,
        archive,
        scheduled_backup,
        state: _,
    } = children;
    if !is_swept {
        // What is made now is an orphan of an earlier spec's names, should the rest fail and the spec go back.
        ledger.unswept(&store.namespace, name);
        // A Certificate that is not wanted goes before the leaf comes: its keeper would write it over.
        cluster.remove_foreign(ForeignKind::Certificate, &foreign).await?;
    }
    // Alone: where nothing may be made, as in a namespace that goes, there is one try.
    let service_account = cluster.apply_some(service_account).await?;
    // The authority comes before its leaf: a leaf whose authority was lost would be issued again.
    let pairs = async {
        let authority = cluster.apply_some(authority_secret).await?;
        Ok((authority, cluster.apply_some(certificate_secret).await?))
    };
    // The order of the others does not matter, so one does not wait for the other; and what is refused, which may be for
    // good, keeps none of them from being sent.
    let (
        pairs,
        token_secret,
        trust_config_map,
        config_map,
        pods_service,
        service,
        disruption_budget,
        network_policy,
        ingress,
        foreign,
        scheduled_backup,
    ) = futures::join!(
        pairs,
        cluster.apply_some(token_secret),
        cluster.apply_some(trust_config_map),
        cluster.apply(config_map),
        cluster.apply(pods_service),
        cluster.apply(service),
        cluster.apply_some(disruption_budget),
        cluster.apply_some(network_policy),
        cluster.apply_some(ingress),
        cluster.apply_foreign(foreign),
        cluster.create_some(scheduled_backup),
    );
    let (authority_secret, certificate_secret) = pairs?;
    let applied = Children {
        service_account,
        authority_secret,
        certificate_secret,
        token_secret: token_secret?,
        trust_config_map: trust_config_map?,
        config_map: config_map?,
        pods_service: pods_service?,
        service: service?,
        disruption_budget: disruption_budget?,
        network_policy: network_policy?,
        ingress: ingress?,
        foreign: foreign?,
        // The StatefulSet comes last: its pods mount what comes before it.
        stateful_set: match before.running {
            Some(running) if before.is_kept => running.clone(),
            running => cluster.apply_over(running, stateful_set).await?,
        },
        archive: match archive {
            // On the heap: a CronJob holds a whole pod.
            Some(archive) => Some(Box::pin(cluster.apply_over(before.archive, archive)).await?),
            None => None,
        },
        scheduled_backup: scheduled_backup?,
        state: PhantomData,
    };
    if !is_swept {
        // On the heap: it asks after many kinds at once.
        Box::pin(cluster.remove_orphans(&applied)).await?;
    }
    if let Some(wanted) = wanted {
        ledger.swept(&store.namespace, name, wanted);
    }
    Ok(applied)
}
