//! Step 4 (client): sends every child to the API server, and removes those that are no longer wanted.
//!
//! Server-side apply with force: what the spec says wins, drift is corrected, and an apply at rest changes
//! nothing. It must not decide what a child looks like.

use std::fmt::Debug;
use std::marker::PhantomData;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use kivi_crds::labels;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, PartialObjectMeta, Patch, PatchParams,
};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::answer::{Said, is_absent, is_invalid};
use crate::build::{Applied, Children, Prepared};
use crate::foreign::{CERTIFICATE, ForeignKind, SERVICE_MONITOR};
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
        certificate,
        certificate_secret,
        token_secret,
        trust_config_map,
        config_map,
        pods_service,
        service,
        service_monitor,
        stateful_set,
        state: _,
    } = children;
    // The StatefulSet comes last: its pods mount what comes before it. The authority comes before its
    // leaf: a leaf whose authority was lost would be issued again. A Certificate that is not wanted goes before
    // the leaf comes: its keeper would write it over.
    let applied = Children {
        service_account: cluster.apply(service_account).await?,
        authority_secret: cluster.apply_some(authority_secret).await?,
        certificate: cluster.apply_foreign(CERTIFICATE, certificate).await?,
        certificate_secret: cluster.apply_some(certificate_secret).await?,
        token_secret: cluster.apply_some(token_secret).await?,
        trust_config_map: cluster.apply_some(trust_config_map).await?,
        config_map: cluster.apply(config_map).await?,
        pods_service: cluster.apply(pods_service).await?,
        service: cluster.apply(service).await?,
        service_monitor: cluster.apply_foreign(SERVICE_MONITOR, service_monitor).await?,
        stateful_set: cluster.apply(stateful_set).await?,
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

    fn foreign(&self, kind: ForeignKind) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk(&kind.kind());
        Api::namespaced_with(self.client.clone(), &self.store.namespace, &resource)
    }

    /// Applies an object of a kind that the cluster may not know, or removes it where it is not wanted. It has the
    /// store's name.
    async fn apply_foreign(
        &self,
        kind: ForeignKind,
        child: Option<Value>,
    ) -> Result<Option<Value>, ApplyError> {
        let name = self.store.names.store();
        let Some(child) = child else {
            self.remove_foreign(kind).await?;
            return Ok(None);
        };
        let params = PatchParams::apply(FIELD_MANAGER).force();
        match self.foreign(kind).patch(name, &params, &Patch::Apply(&child)).await {
            Ok(_) => Ok(Some(child)),
            Err(source) => {
                Err(ApplyError::Apply { kind: kind.name.to_owned(), name: name.to_owned(), source })
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

    /// A cluster that does not know a kind has none of it.
    async fn remove_foreign(&self, kind: ForeignKind) -> Result<(), ApplyError> {
        let (api, name) = (self.foreign(kind), self.store.names.store());
        match api.get_metadata_opt(name).await {
            Ok(Some(child)) if self.owns(&child) => delete(&api, kind.name.to_owned(), name.to_owned()).await,
            Ok(_) => Ok(()),
            Err(error) if is_absent(&error) => Ok(()),
            Err(source) => Err(ApplyError::List { kind: kind.name.to_owned(), source }),
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
