//! Children of earlier specs: found by label and owner, and removed.

use std::fmt::Debug;

use futures::future::try_join_all;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kivi_crds::labels;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::cluster::Cluster;
use super::error::ApplyError;
use crate::answer::is_absent;
use crate::build::{Applied, Children, Prepared};
use crate::foreign::{Foreign, ForeignKind};
use crate::ledger::Digest;
use crate::model::Store;

impl Cluster<'_> {
    /// Removes children of earlier specs, found by label and owner. Every spec wants a StatefulSet under the same
    /// name, so no orphan of that kind can exist.
    pub(super) async fn remove_orphans(&self, applied: &Children<Applied>) -> Result<(), ApplyError> {
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

    pub(super) async fn remove_foreign(
        &self,
        kind: ForeignKind,
        wanted: &[Foreign],
    ) -> Result<(), ApplyError> {
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

/// All that a store has, by name: what is not among it is an orphan.
pub(super) fn wanted(store: &Store, children: &Children<Prepared>) -> Option<Digest> {
    let secrets = [&children.authority_secret, &children.certificate_secret, &children.token_secret];
    let foreign: Vec<(String, &str)> =
        children.foreign.iter().map(|child| (child.kind.gvk().kind, child.name.as_str())).collect();
    Digest::of(&(
        names(secrets.map(Option::as_ref)),
        (store.certificate_secret(), store.tokens_secret()),
        names([Some(&children.config_map), children.trust_config_map.as_ref()]),
        names([Some(&children.service), Some(&children.pods_service)]),
        store.service_account(),
        names([children.disruption_budget.as_ref()]),
        names([children.network_policy.as_ref()]),
        names([children.ingress.as_ref()]),
        foreign,
    ))
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
