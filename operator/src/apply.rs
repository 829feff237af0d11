//! Step 4 (client): sends every child to the API server, and removes those that are no longer wanted.
//!
//! Server-side apply with force: what the spec says wins, drift is corrected, and an apply at rest changes
//! nothing. It must not decide what a child looks like.

mod orphans;
mod overwrite;

use std::fmt::Debug;
use std::marker::PhantomData;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::CronJob;
use kivi_crds::KeyValueStoreBackup;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::answer::{Said, is_invalid};
use crate::backup::due;
use crate::build::{Applied, Children, Prepared};
use crate::foreign::{Foreign, ForeignKind};
use crate::ledger::{Digest, Ledger};
use crate::model::Store;

/// Who owns the fields that the operator writes.
pub const FIELD_MANAGER: &str = "kivi-operator";

/// Why a child could not be brought to what it should be.
#[derive(Debug, Error)]
pub enum ApplyError {
    /// The API server did not take it.
    #[error("cannot apply {kind} {name}: {}", Said(source))]
    Apply {
        /// Kind of the child.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// What is there could not be read.
    #[error("cannot read {kind}s: {}", Said(source))]
    List {
        /// Kind of the children.
        kind: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// A child that is no longer wanted could not be removed.
    #[error("cannot delete {kind} {name}: {}", Said(source))]
    Delete {
        /// Kind of the child.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
}

impl ApplyError {
    /// What the API server said.
    pub fn cause(&self) -> &kube::Error {
        match self {
            Self::Apply { source, .. } | Self::List { source, .. } | Self::Delete { source, .. } => source,
        }
    }
}

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

struct Cluster<'a> {
    client: &'a Client,
    ledger: &'a Ledger,
    store: &'a Store,
}

impl Cluster<'_> {
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.store.namespace)
    }

    async fn apply<K>(&self, child: K) -> Result<K, ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        if self.is_in_force(&child) { Ok(child) } else { self.send(child).await }
    }

    /// What is in force is returned as it was found, with its status.
    async fn apply_over<K>(&self, there: Option<&K>, child: K) -> Result<K, ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        if let Some(there) = there {
            self.ledger.read(&K::kind(&()), there.meta());
        }
        match there {
            Some(there) if self.is_in_force(&child) => Ok(there.clone()),
            _ => self.send(child).await,
        }
    }

    fn is_in_force<K>(&self, child: &K) -> bool
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let (kind, namespace) = (K::kind(&()), &self.store.namespace);
        Digest::of(child)
            .is_some_and(|content| self.ledger.is_in_force(&kind, namespace, &child.name_any(), content))
    }

    async fn send<K>(&self, child: K) -> Result<K, ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        let (kind, name) = (K::kind(&()), child.name_any());
        let api = self.api::<K>();
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let refusal = match api.patch(&name, &params, &Patch::Apply(&child)).await {
            Ok(applied) => {
                if let Some(content) = Digest::of(&child) {
                    self.ledger.sent(&kind, content, applied.meta());
                }
                return Ok(applied);
            }
            Err(refusal) => refusal,
        };
        if is_invalid(&refusal) && overwrite::overwrite(&api, &child).await.is_ok() {
            tracing::warn!(kind = %K::kind(&()), name, %refusal, "An edit of a child made it invalid and was overwritten.");
            return api
                .patch(&name, &params, &Patch::Apply(&child))
                .await
                .map_err(|source| ApplyError::Apply { kind: kind.into_owned(), name, source });
        }
        Err(ApplyError::Apply { kind: kind.into_owned(), name, source: refusal })
    }

    async fn apply_some<K>(&self, child: Option<K>) -> Result<Option<K>, ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        match child {
            Some(child) => self.apply(child).await.map(Some),
            None => Ok(None),
        }
    }

    /// Never changed once it is there.
    async fn create_some(
        &self,
        backup: Option<KeyValueStoreBackup>,
    ) -> Result<Option<KeyValueStoreBackup>, ApplyError> {
        if let Some(backup) = &backup {
            due::create(self.client, &self.store.namespace, backup).await?;
        }
        Ok(backup)
    }

    fn foreign_api(&self, kind: ForeignKind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.store.namespace, &kind.resource())
    }

    async fn apply_foreign(&self, children: Vec<Foreign>) -> Result<Vec<Foreign>, ApplyError> {
        let params = PatchParams::apply(FIELD_MANAGER).force();
        for child in &children {
            let patch = Patch::Apply(&child.object);
            self.foreign_api(child.kind).patch(&child.name, &params, &patch).await.map_err(|source| {
                ApplyError::Apply { kind: child.kind.gvk().kind, name: child.name.clone(), source }
            })?;
        }
        Ok(children)
    }
}
