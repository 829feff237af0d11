//! Step 4 (client): sends every child to the API server, and removes those that are no longer wanted.
//!
//! Server-side apply with force: what the spec says wins, drift is corrected, and an apply at rest changes
//! nothing. It must not decide what a child looks like.

use std::fmt::Debug;
use std::marker::PhantomData;

use futures::future::try_join_all;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kivi_crds::{KeyValueStoreBackup, labels};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::answer::{Said, is_absent, is_conflict, is_invalid};
use crate::build::{Applied, Children, Prepared};
use crate::foreign::{Foreign, ForeignKind};
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

/// Applies every child, then removes orphans. A StatefulSet that is to be kept as it is, for now, is not touched.
///
/// # Errors
/// The first child that could not be applied or removed; a later reconcile goes on from there.
pub async fn apply(
    client: &Client,
    store: &Store,
    children: Children<Prepared>,
    kept: Option<&StatefulSet>,
) -> Result<Children<Applied>, ApplyError> {
    let cluster = Cluster { client, store };
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
    // The StatefulSet comes last: its pods mount what comes before it. The authority comes before its
    // leaf: a leaf whose authority was lost would be issued again. A Certificate that is not wanted goes before the
    // leaf comes: its keeper would write it over.
    cluster.remove_foreign(ForeignKind::Certificate, &foreign).await?;
    let applied = Children {
        service_account: cluster.apply_some(service_account).await?,
        authority_secret: cluster.apply_some(authority_secret).await?,
        certificate_secret: cluster.apply_some(certificate_secret).await?,
        token_secret: cluster.apply_some(token_secret).await?,
        trust_config_map: cluster.apply_some(trust_config_map).await?,
        config_map: cluster.apply(config_map).await?,
        pods_service: cluster.apply(pods_service).await?,
        service: cluster.apply(service).await?,
        disruption_budget: cluster.apply_some(disruption_budget).await?,
        network_policy: cluster.apply_some(network_policy).await?,
        ingress: cluster.apply_some(ingress).await?,
        foreign: cluster.apply_foreign(foreign).await?,
        stateful_set: match kept {
            Some(kept) => kept.clone(),
            None => cluster.apply(stateful_set).await?,
        },
        archive: cluster.apply_some(archive).await?,
        scheduled_backup: cluster.create_some(scheduled_backup).await?,
        state: PhantomData,
    };
    // On the heap: it asks after many kinds at once.
    Box::pin(cluster.remove_orphans(&applied)).await?;
    Ok(applied)
}

struct Cluster<'a> {
    client: &'a Client,
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
        let name = child.name_any();
        let api = self.api::<K>();
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let refusal = match api.patch(&name, &params, &Patch::Apply(&child)).await {
            Ok(applied) => return Ok(applied),
            Err(refusal) => refusal,
        };
        // An apply keeps what others added to a list: an edited port of a Service stays beside the one that
        // should be, and two of one name are refused. A merge patch replaces lists as a whole.
        if is_invalid(&refusal)
            && let Ok(replaced) = api.patch(&name, &PatchParams::default(), &Patch::Merge(&child)).await
        {
            tracing::warn!(kind = %K::kind(&()), name, %refusal, "An edit of a child made it invalid and was overwritten.");
            return Ok(replaced);
        }
        Err(ApplyError::Apply { kind: K::kind(&()).into_owned(), name, source: refusal })
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

    /// One that is there already was made for the same time, and never changes.
    async fn create_some(
        &self,
        backup: Option<KeyValueStoreBackup>,
    ) -> Result<Option<KeyValueStoreBackup>, ApplyError> {
        let Some(backup) = backup else { return Ok(None) };
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        match self.api::<KeyValueStoreBackup>().create(&params, &backup).await {
            Err(source) if !is_conflict(&source) => {
                let kind = KeyValueStoreBackup::kind(&()).into_owned();
                Err(ApplyError::Apply { kind, name: backup.name_any(), source })
            }
            _ => Ok(Some(backup)),
        }
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

    /// Removes children of earlier specs, found by label and owner. Every spec wants a StatefulSet under the same
    /// name, so no orphan of that kind can exist.
    async fn remove_orphans(&self, applied: &Children<Applied>) -> Result<(), ApplyError> {
        let secrets = [&applied.authority_secret, &applied.certificate_secret, &applied.token_secret];
        // A spec may name an object that the operator made for an earlier one: from then on it is the user's.
        let named = self.store.certificate_secret().into_iter().chain([self.store.tokens_secret()]);
        let secrets: Vec<String> =
            secrets.into_iter().flatten().map(ResourceExt::name_any).chain(named).collect();
        let config_maps = names([Some(&applied.config_map), applied.trust_config_map.as_ref()]);
        let services = names([Some(&applied.service), Some(&applied.pods_service)]);
        let foreign = ForeignKind::ALL.into_iter().filter(|kind| *kind != ForeignKind::Certificate);
        // One does not wait for the other: there are many kinds, and rarely an orphan.
        futures::try_join!(
            self.remove_all_but::<Secret>(secrets),
            self.remove_all_but::<ConfigMap>(config_maps),
            self.remove_all_but::<Service>(services),
            self.remove_all_but::<ServiceAccount>(vec![self.store.service_account().to_owned()]),
            self.remove_all_but::<PodDisruptionBudget>(names([applied.disruption_budget.as_ref()])),
            self.remove_all_but::<NetworkPolicy>(names([applied.network_policy.as_ref()])),
            self.remove_all_but::<Ingress>(names([applied.ingress.as_ref()])),
            try_join_all(foreign.map(|kind| self.remove_foreign(kind, &applied.foreign))),
        )?;
        if self.store.superseded_archive {
            delete(&self.api::<CronJob>(), "CronJob".to_owned(), self.store.names.archive()).await?;
        }
        Ok(())
    }

    async fn remove_foreign(&self, kind: ForeignKind, wanted: &[Foreign]) -> Result<(), ApplyError> {
        let wanted = wanted.iter().filter(|child| child.kind == kind).map(|child| child.name.clone());
        self.remove_others(&self.foreign_api(kind), &kind.gvk().kind, &wanted.collect::<Vec<_>>()).await
    }

    async fn remove_all_but<K>(&self, wanted: Vec<String>) -> Result<(), ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        self.remove_others(&self.api::<K>(), &K::kind(&()), &wanted).await
    }

    async fn remove_others<K>(&self, api: &Api<K>, kind: &str, wanted: &[String]) -> Result<(), ApplyError>
    where
        K: Resource + Clone + Debug + DeserializeOwned,
    {
        let selector = ListParams::default().labels(&labels::query(&self.managed()));
        let found = match api.list_metadata(&selector).await {
            Ok(found) => found,
            // A cluster that does not know a kind has none of it.
            Err(error) if is_absent(&error) => return Ok(()),
            Err(source) => return Err(ApplyError::List { kind: kind.to_owned(), source }),
        };
        for child in found {
            let name = child.name_any();
            if self.owns(&child) && !wanted.contains(&name) {
                delete(api, kind.to_owned(), name).await?;
            }
        }
        Ok(())
    }

    fn managed(&self) -> std::collections::BTreeMap<String, String> {
        let mut labels = self.store.selector();
        labels.insert(labels::MANAGED_BY.to_owned(), labels::MANAGER.to_owned());
        labels
    }

    fn owns(&self, child: &impl ResourceExt) -> bool {
        child.owner_references().iter().any(|owner| owner.uid == self.store.owner.uid)
    }
}

/// The names of those of the children that there are.
fn names<'c, K: ResourceExt + 'c>(children: impl IntoIterator<Item = Option<&'c K>>) -> Vec<String> {
    children.into_iter().flatten().map(ResourceExt::name_any).collect()
}

async fn delete<K>(api: &Api<K>, kind: String, name: String) -> Result<(), ApplyError>
where
    K: Clone + Debug + DeserializeOwned,
{
    tracing::info!(kind, name, "Removing a child that is no longer wanted.");
    match api.delete(&name, &DeleteParams::background()).await {
        Ok(_) => Ok(()),
        Err(error) if is_absent(&error) => Ok(()),
        Err(source) => Err(ApplyError::Delete { kind, name, source }),
    }
}
