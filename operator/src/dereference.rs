//! Step 1 (client): fetches everything that the store refers to, and what of it exists already.
//!
//! It must not judge: whether a Secret will do is for `validate` to say.

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::{KeyValueStore, KeyValueStoreBackup, StoreNames};
use kube::api::{GroupVersionKind, ListParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::answer::{Said, is_absent};
use crate::backup::known::Copies;
use crate::backup::model::Tools;

/// What a store refers to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dereferenced {
    /// The authority's Secret, made at an earlier reconcile.
    pub authority: Option<Secret>,
    /// The leaf's Secret, made at an earlier reconcile.
    pub leaf: Option<Secret>,
    /// The token's Secret, made at an earlier reconcile.
    pub token: Option<Secret>,
    /// The Secret of `spec.tls.secretRef`.
    pub provided_certificate: Option<Secret>,
    /// The Secret of `spec.auth.tokensSecretRef`.
    pub provided_tokens: Option<Secret>,
    /// The StatefulSet, made at an earlier reconcile.
    pub stateful_set: Option<StatefulSet>,
    /// What has the name of another child already; only looked up while there is no StatefulSet, which is
    /// made last.
    pub namesakes: Vec<Namesake>,
    /// Whether the cluster knows ServiceMonitors; only looked up where one is wanted.
    pub service_monitors: bool,
    /// The CronJob that copies its log, or someone else's of that name; only looked up where there may be one.
    pub archive: Option<CronJob>,
    /// The backup of `spec.bootstrap.fromBackup.name`.
    pub begins_with: Option<KeyValueStoreBackup>,
    /// The backups of the store; only looked up where it has `spec.backup`.
    pub backups: Vec<KeyValueStoreBackup>,
    /// What copies, and reads copies back.
    pub tools: Option<Tools>,
}

/// An object with the name of a child.
#[derive(Debug, Clone, PartialEq)]
pub struct Namesake {
    /// Its kind.
    pub kind: String,
    /// Its name, its labels and its owners.
    pub metadata: ObjectMeta,
}

/// Why something could not be fetched.
#[derive(Debug, Error)]
pub enum DereferenceError {
    /// The API server did not answer with an object or with 404.
    #[error("cannot read {kind} {name}: {}", Said(source))]
    Read {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
}

/// Fetches what the store refers to.
///
/// # Errors
/// When the API server does not answer; an object that is not there is no error.
pub async fn dereference(
    client: &Client,
    namespace: &str,
    store: &KeyValueStore,
    copies: &Copies,
) -> Result<Dereferenced, DereferenceError> {
    let names = StoreNames::new(store.name_any());
    let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let (tls, auth) = (&store.spec.tls, &store.spec.auth);
    let managed_tls = tls.secret_ref.is_none() && tls.disabled.is_none();
    let managed_token = auth.tokens_secret_ref.is_none();
    let stateful_set = stateful_set(client, namespace, &names).await?;
    let namesakes = match stateful_set {
        Some(_) => Vec::new(),
        None => namesakes(client, namespace, &names, managed_tls).await?,
    };
    let copied = store.spec.backup.is_some();
    let was_copied = store.status.as_ref().is_some_and(|status| status.backup.is_some());
    Ok(Dereferenced {
        archive: if copied || was_copied { archive(client, namespace, &names).await? } else { None },
        begins_with: copies.begins_with(namespace, store).await,
        backups: if copied { copies.of(namespace, names.store()).await } else { Vec::new() },
        tools: Some(copies.tools.clone()),
        authority: secret(&secrets, managed_tls.then(|| names.ca_secret())).await?,
        leaf: secret(&secrets, managed_tls.then(|| names.tls_secret())).await?,
        token: secret(&secrets, managed_token.then(|| names.token_secret())).await?,
        provided_certificate: secret(&secrets, tls.secret_ref.as_ref().map(|secret| secret.name.clone()))
            .await?,
        provided_tokens: secret(&secrets, auth.tokens_secret_ref.as_ref().map(|secret| secret.name.clone()))
            .await?,
        stateful_set,
        namesakes,
        service_monitors: store.spec.monitoring.service_monitor && knows_service_monitors(client).await?,
    })
}

/// The StatefulSet of a store.
///
/// # Errors
/// When the API server does not answer; that there is none is no error.
pub async fn stateful_set(
    client: &Client,
    namespace: &str,
    names: &StoreNames,
) -> Result<Option<StatefulSet>, DereferenceError> {
    let name = names.store();
    Api::<StatefulSet>::namespaced(client.clone(), namespace).get_opt(name).await.map_err(|source| {
        DereferenceError::Read { kind: "StatefulSet".to_owned(), name: name.to_owned(), source }
    })
}

async fn archive(
    client: &Client,
    namespace: &str,
    names: &StoreNames,
) -> Result<Option<CronJob>, DereferenceError> {
    let name = names.archive();
    Api::<CronJob>::namespaced(client.clone(), namespace)
        .get_opt(&name)
        .await
        .map_err(|source| DereferenceError::Read { kind: "CronJob".to_owned(), name, source })
}

async fn secret(secrets: &Api<Secret>, name: Option<String>) -> Result<Option<Secret>, DereferenceError> {
    let Some(name) = name else {
        return Ok(None);
    };
    secrets.get_opt(&name).await.map_err(|source| DereferenceError::Read {
        kind: "Secret".to_owned(),
        name,
        source,
    })
}

/// Server-side apply would take over what has the name of a child: a Service that sends clients elsewhere.
async fn namesakes(
    client: &Client,
    namespace: &str,
    names: &StoreNames,
    managed_tls: bool,
) -> Result<Vec<Namesake>, DereferenceError> {
    let mut found = named::<ServiceAccount>(client, namespace, names.store()).await?;
    found.extend(named::<ConfigMap>(client, namespace, names.store()).await?);
    if managed_tls {
        found.extend(named::<ConfigMap>(client, namespace, &names.ca_config_map()).await?);
    }
    found.extend(named::<Service>(client, namespace, names.store()).await?);
    found.extend(named::<Service>(client, namespace, &names.pods_service()).await?);
    Ok(found)
}

/// The object of this name, as a list of none or one: these kinds are listed anyway, so it takes no
/// further right.
async fn named<K>(client: &Client, namespace: &str, name: &str) -> Result<Vec<Namesake>, DereferenceError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let kind = K::kind(&()).into_owned();
    let selector = ListParams::default().fields(&format!("metadata.name={name}"));
    let found = Api::<K>::namespaced(client.clone(), namespace)
        .list_metadata(&selector)
        .await
        .map_err(|source| DereferenceError::Read { kind: kind.clone(), name: name.to_owned(), source })?;
    Ok(found.into_iter().map(|object| Namesake { kind: kind.clone(), metadata: object.metadata }).collect())
}

async fn knows_service_monitors(client: &Client) -> Result<bool, DereferenceError> {
    let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "ServiceMonitor");
    match kube::discovery::pinned_kind(client, &kind).await {
        Ok(_) => Ok(true),
        Err(error) if is_absent(&error) => Ok(false),
        Err(kube::Error::Discovery(_)) => Ok(false),
        Err(source) => {
            Err(DereferenceError::Read { kind: "API group".to_owned(), name: kind.api_version(), source })
        }
    }
}
