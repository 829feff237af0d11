//! Step 4 (client): sends every child to the API server, and removes those that are no longer wanted.
//!
//! Server-side apply with force: what the spec says wins, drift is corrected, and an apply at rest changes
//! nothing. It must not decide what a child looks like.

use std::fmt::Debug;
use std::marker::PhantomData;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use kivi_crds::{KeyValueStoreBackup, labels};
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, PartialObjectMeta, Patch, PatchParams, PostParams,
};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::answer::{Said, is_absent, is_conflict, is_invalid};
use crate::build::{Applied, Children, Prepared};
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

/// Applies every child, then removes orphans.
///
/// # Errors
/// The first child that could not be applied or removed; a later reconcile goes on from there.
pub async fn apply(
    client: &Client,
    store: &Store,
    children: Children<Prepared>,
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
        service_monitor,
        stateful_set,
        archive,
        scheduled_backup,
        state: _,
    } = children;
    // The StatefulSet comes last: its pods mount what comes before it. The authority comes before its
    // leaf: a leaf whose authority was lost would be issued again.
    let applied = Children {
        service_account: cluster.apply(service_account).await?,
        authority_secret: cluster.apply_some(authority_secret).await?,
        certificate_secret: cluster.apply_some(certificate_secret).await?,
        token_secret: cluster.apply_some(token_secret).await?,
        trust_config_map: cluster.apply_some(trust_config_map).await?,
        config_map: cluster.apply(config_map).await?,
        pods_service: cluster.apply(pods_service).await?,
        service: cluster.apply(service).await?,
        service_monitor: cluster.apply_service_monitor(service_monitor).await?,
        stateful_set: cluster.apply(stateful_set).await?,
        archive: cluster.apply_some(archive).await?,
        scheduled_backup: cluster.create_some(scheduled_backup).await?,
        state: PhantomData,
    };
    cluster.remove_orphans(&applied).await?;
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

    fn service_monitors(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "ServiceMonitor");
        Api::namespaced_with(self.client.clone(), &self.store.namespace, &ApiResource::from_gvk(&kind))
    }

    async fn apply_service_monitor(&self, monitor: Option<Value>) -> Result<Option<Value>, ApplyError> {
        let Some(monitor) = monitor else {
            return Ok(None);
        };
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let name = self.store.names.store();
        match self.service_monitors().patch(name, &params, &Patch::Apply(&monitor)).await {
            Ok(_) => Ok(Some(monitor)),
            Err(source) => {
                Err(ApplyError::Apply { kind: "ServiceMonitor".to_owned(), name: name.to_owned(), source })
            }
        }
    }

    /// Removes children of earlier specs, found by label and owner. ServiceAccount and StatefulSet are
    /// wanted by every spec under the same name, so no orphan of theirs can exist.
    async fn remove_orphans(&self, applied: &Children<Applied>) -> Result<(), ApplyError> {
        let secrets = [&applied.authority_secret, &applied.certificate_secret, &applied.token_secret];
        // A spec may name a Secret that the operator made for an earlier one: from then on it is the user's.
        let named = self.store.certificate_secret().into_iter().chain([self.store.tokens_secret()]);
        self.remove_all_but::<Secret>(
            secrets.into_iter().flatten().map(ResourceExt::name_any).chain(named).collect(),
        )
        .await?;
        let config_maps = [Some(&applied.config_map), applied.trust_config_map.as_ref()];
        self.remove_all_but::<ConfigMap>(
            config_maps.into_iter().flatten().map(ResourceExt::name_any).collect(),
        )
        .await?;
        self.remove_all_but::<Service>(vec![applied.service.name_any(), applied.pods_service.name_any()])
            .await?;
        if self.store.superseded_archive {
            delete(&self.api::<CronJob>(), "CronJob".to_owned(), self.store.names.archive()).await?;
        }
        if applied.service_monitor.is_none() {
            self.remove_service_monitor().await?;
        }
        Ok(())
    }

    async fn remove_all_but<K>(&self, wanted: Vec<String>) -> Result<(), ApplyError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let kind = K::kind(&()).into_owned();
        let api: Api<PartialObjectMeta<K>> = self.api();
        let selector = ListParams::default().labels(&labels::query(&self.managed()));
        let found =
            api.list(&selector).await.map_err(|source| ApplyError::List { kind: kind.clone(), source })?;
        for child in found {
            let name = child.name_any();
            if self.owns(&child) && !wanted.contains(&name) {
                delete(&self.api::<K>(), kind.clone(), name).await?;
            }
        }
        Ok(())
    }

    /// A cluster that does not know ServiceMonitors has none.
    async fn remove_service_monitor(&self) -> Result<(), ApplyError> {
        let (api, name) = (self.service_monitors(), self.store.names.store());
        match api.get_metadata_opt(name).await {
            Ok(Some(monitor)) if self.owns(&monitor) => {
                delete(&api, "ServiceMonitor".to_owned(), name.to_owned()).await
            }
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(source) => Err(ApplyError::List { kind: "ServiceMonitor".to_owned(), source }),
        }
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
