//! What has the name of a child already. It must not judge whose it is.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use kivi_crds::{KeyValueStore, StoreNames};
use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::error::DereferenceError;
use crate::dereferenced::Namesake;
use crate::foreign::ForeignKind;

/// Server-side apply would take over what has the name of a child: a Service that sends clients elsewhere.
pub(super) async fn namesakes(
    client: &Client,
    namespace: &str,
    names: &StoreNames,
) -> Result<Vec<Namesake>, DereferenceError> {
    let mut found = named::<ConfigMap>(client, namespace, names.store()).await?;
    found.extend(named::<Service>(client, namespace, names.store()).await?);
    found.extend(named::<Service>(client, namespace, &names.pods_service()).await?);
    Ok(found)
}

/// What has the name of a child that the spec asks for, and other specs do not.
pub(super) async fn optional_namesakes(
    client: &Client,
    namespace: &str,
    store: &KeyValueStore,
    stateful_set: Option<&StatefulSet>,
    foreign_kinds: &[ForeignKind],
) -> Result<Vec<Namesake>, DereferenceError> {
    let (spec, name) = (&store.spec, store.name_any());
    let mut found = Vec::new();
    let account =
        stateful_set.and_then(|set| set.spec.as_ref()?.template.spec.as_ref()?.service_account_name.as_ref());
    // Pods that use the store's own show that the name is the store's.
    if spec.pod.service_account.name.is_none() && account != Some(&name) {
        found.extend(named::<ServiceAccount>(client, namespace, &name).await?);
    }
    if spec.network_policy.enabled {
        found.extend(named::<NetworkPolicy>(client, namespace, &name).await?);
    }
    if spec.ingress.is_some() {
        found.extend(named::<Ingress>(client, namespace, &name).await?);
    }
    for kind in foreign_kinds {
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &kind.resource());
        found.extend(called(&api, &kind.gvk().kind, &name).await?);
    }
    Ok(found)
}

pub(super) async fn named<K>(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Vec<Namesake>, DereferenceError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    called(&Api::<K>::namespaced(client.clone(), namespace), &K::kind(&()), name).await
}

/// The object of this name, as a list of none or one: these kinds are listed anyway, so it takes no
/// further right.
async fn called<K>(api: &Api<K>, kind: &str, name: &str) -> Result<Vec<Namesake>, DereferenceError>
where
    K: Clone + Debug + DeserializeOwned,
{
    let selector = ListParams::default().fields(&format!("metadata.name={name}"));
    let found = api.list_metadata(&selector).await.map_err(|source| DereferenceError::Read {
        kind: kind.to_owned(),
        name: name.to_owned(),
        source,
    })?;
    Ok(found
        .into_iter()
        .map(|object| Namesake { kind: kind.to_owned(), metadata: object.metadata })
        .collect())
}
