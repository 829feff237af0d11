//! Sends one child (client): by server-side apply with force, unless it is in force by the ledger.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kivi_crds::KeyValueStoreBackup;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::ApplyError;
use super::{overwrite, scheduled_backup};
use crate::answer::is_invalid;
use crate::field_manager::FIELD_MANAGER;
use crate::foreign::{Foreign, ForeignKind};
use crate::ledger::{Digest, Ledger};
use crate::model::Store;

/// What a store has children of: a kind that is in a namespace, and is written as it is read.
pub(super) trait Child:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned
{
}

impl<K> Child for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
{
}

/// Where the children of one store are, and what is known of what was sent there.
pub(super) struct Cluster<'a> {
    pub(super) client: &'a Client,
    pub(super) ledger: &'a Ledger,
    pub(super) store: &'a Store,
}

impl Cluster<'_> {
    pub(super) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.store.namespace)
    }

    pub(super) async fn apply<K: Child>(&self, child: K) -> Result<K, ApplyError> {
        if self.is_in_force(&child) { Ok(child) } else { self.send(child).await }
    }

    /// What is in force is returned as it was found, with its status.
    pub(super) async fn apply_over<K: Child>(&self, there: Option<&K>, child: K) -> Result<K, ApplyError> {
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

    async fn send<K: Child>(&self, child: K) -> Result<K, ApplyError> {
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

    pub(super) async fn apply_some<K: Child>(&self, child: Option<K>) -> Result<Option<K>, ApplyError> {
        match child {
            Some(child) => self.apply(child).await.map(Some),
            None => Ok(None),
        }
    }

    /// Never changed once it is there.
    pub(super) async fn create_some(
        &self,
        backup: Option<KeyValueStoreBackup>,
    ) -> Result<Option<KeyValueStoreBackup>, ApplyError> {
        if let Some(backup) = &backup {
            scheduled_backup::create(self.client, &self.store.namespace, backup).await?;
        }
        Ok(backup)
    }

    pub(super) fn foreign_api(&self, kind: ForeignKind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.store.namespace, &kind.resource())
    }

    pub(super) async fn apply_foreign(&self, children: Vec<Foreign>) -> Result<Vec<Foreign>, ApplyError> {
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
