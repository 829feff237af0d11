//! Step 1 (client): fetches everything that the store refers to, and what of it exists already.
//!
//! It must not judge: whether a Secret will do is for `validate` to say.

mod error;
mod namesakes;
mod source;

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret};
use kivi_crds::{Destination, KeyValueStore, KeyValueStoreBackup, StoreNames, labels};
use kube::api::{DynamicObject, ListParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

pub use self::error::DereferenceError;
use self::namesakes::{namesakes, optional_namesakes};
use crate::answer::is_absent;
use crate::backup::known::Copies;
use crate::dereferenced::Dereferenced;
use crate::foreign::{self, ForeignKind};
use crate::pki::layout::NEXT;
use crate::volumes::ask;
use crate::volumes::claim;
use crate::volumes::growth::Growth;

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
    let own_tls = tls.secret_ref.is_none() && tls.disabled.is_none();
    let managed_tls = own_tls && tls.issuer_ref.is_none();
    let managed_token = auth.tokens_secret_ref.is_none();
    let stateful_set = stateful_set(client, namespace, &names).await?;
    let mut namesakes = match stateful_set {
        Some(_) => Vec::new(),
        None => namesakes(client, namespace, &names).await?,
    };
    let wanted = store.spec.backup.is_some();
    let was_copied = store.status.as_ref().is_some_and(|status| status.backup.is_some());
    let foreign_kinds = known(client, foreign::wanted(&store.spec)).await?;
    namesakes
        .extend(optional_namesakes(client, namespace, store, stateful_set.as_ref(), &foreign_kinds).await?);
    let authority = secret(&secrets, managed_tls.then(|| names.ca_secret())).await?;
    let settled = authority.as_ref().is_some_and(|secret| !has(secret, NEXT.0));
    let bundle = if tls.disabled.is_none() && !settled {
        config_map(client, namespace, &names.ca_config_map()).await?
    } else {
        None
    };
    let certificate = if foreign_kinds.contains(&ForeignKind::Certificate) {
        certificate(client, namespace, names.store()).await?
    } else {
        None
    };
    let begins_with = copies.begins_with(namespace, store).await;
    let ca = |destination: &Destination| Some(destination.ca_secret_ref()?.name.clone());
    let bucket = store.spec.backup.as_ref().and_then(|backup| backup.destination.as_ref());
    let begins_in = if stateful_set.is_some() { None } else { begins_in(store, begins_with.as_ref()) };
    let mut found = Dereferenced {
        bucket_authority: secret(&secrets, bucket.and_then(ca)).await?,
        backup_authority: secret(&secrets, begins_in.and_then(ca)).await?,
        source_is_lost: false,
        archive: if wanted || was_copied { archive(client, namespace, &names).await? } else { None },
        copying: match store.spec.backup.as_ref().and_then(|backup| backup.point_in_time.as_ref()) {
            Some(_) => labelled(client, namespace, &names, &labels::copying(names.store())).await?,
            None => Vec::new(),
        },
        begins_with,
        backups: if wanted { copies.of(namespace, names.store()).await } else { Vec::new() },
        tools: Some(copies.tools.clone()),
        authority,
        bundle,
        certificate,
        leaf: secret(&secrets, own_tls.then(|| names.tls_secret())).await?,
        token: secret(&secrets, managed_token.then(|| names.token_secret())).await?,
        provided_certificate: secret(&secrets, tls.secret_ref.as_ref().map(|secret| secret.name.clone()))
            .await?,
        provided_tokens: secret(&secrets, auth.tokens_secret_ref.as_ref().map(|secret| secret.name.clone()))
            .await?,
        stateful_set,
        // After the StatefulSet: whether that owns them is judged by what it said before.
        claims: claims(client, namespace, &names, store.spec.replicas).await?,
        fills: match store.spec.log.file.as_ref().and_then(|file| file.auto_grow.as_ref()) {
            Some(_) => ask::fills(&names, &own::<Pod>(client, namespace, &names).await?).await,
            None => BTreeMap::new(),
        },
        foreign_claims: Vec::new(),
        growth: Growth::default(),
        refusals: Vec::new(),
        namesakes,
        foreign_kinds,
    };
    found.source_is_lost = source::is_lost(client, namespace, store, &found).await?;
    Ok(found)
}

/// Where the backup is that a store begins with, as far as it is known.
fn begins_in<'s>(
    store: &'s KeyValueStore,
    by_name: Option<&'s KeyValueStoreBackup>,
) -> Option<&'s Destination> {
    let place = store.spec.bootstrap.as_ref()?.from_backup.destination.as_ref();
    place.or_else(|| by_name?.status.as_ref()?.destination.as_ref())
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

/// The log claims of a store, and what else has the name of one.
///
/// # Errors
/// When the API server does not answer.
pub async fn claims(
    client: &Client,
    namespace: &str,
    names: &StoreNames,
    replicas: i32,
) -> Result<Vec<PersistentVolumeClaim>, DereferenceError> {
    let mut found = own::<PersistentVolumeClaim>(client, namespace, names).await?;
    found.retain(|claim| claim::ordinal(names, claim).is_some());
    for ordinal in 0..replicas {
        let name = names.log_claim(ordinal);
        if !found.iter().any(|claim| claim.name_any() == name) {
            // What has the name without the labels would be mounted all the same.
            let api = Api::<PersistentVolumeClaim>::namespaced(client.clone(), namespace);
            found.extend(whole(&api, "PersistentVolumeClaim", &name).await?);
        }
    }
    Ok(found)
}

/// What carries the labels of a store's pods and claims.
async fn own<K>(client: &Client, namespace: &str, names: &StoreNames) -> Result<Vec<K>, DereferenceError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    labelled(client, namespace, names, &labels::selector(names.store())).await
}

async fn labelled<K>(
    client: &Client,
    namespace: &str,
    names: &StoreNames,
    selector: &BTreeMap<String, String>,
) -> Result<Vec<K>, DereferenceError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let labels = ListParams::default().labels(&labels::query(selector));
    let found = Api::<K>::namespaced(client.clone(), namespace).list(&labels).await;
    found.map(|found| found.items).map_err(|source| DereferenceError::Read {
        kind: format!("{}s of", K::kind(&())),
        name: names.store().to_owned(),
        source,
    })
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

fn has(secret: &Secret, key: &str) -> bool {
    secret.data.as_ref().is_some_and(|data| data.contains_key(key))
}

async fn config_map(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<ConfigMap>, DereferenceError> {
    let api = Api::<ConfigMap>::namespaced(client.clone(), namespace);
    whole(&api, "ConfigMap", name).await
}

/// The Certificate of cert-manager of this name; none where the cluster does not know them.
///
/// # Errors
/// When the API server does not answer.
pub async fn certificate(
    client: &Client,
    namespace: &str,
    name: &str,
) -> Result<Option<DynamicObject>, DereferenceError> {
    let resource = ForeignKind::Certificate.resource();
    let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
    match whole(&api, "Certificate", name).await {
        Err(error) if is_absent(error.cause()) => Ok(None),
        found => found,
    }
}

/// The object of this name, with all that is in it, as a list of none or one.
async fn whole<K>(api: &Api<K>, kind: &str, name: &str) -> Result<Option<K>, DereferenceError>
where
    K: Clone + Debug + DeserializeOwned,
{
    let selector = ListParams::default().fields(&format!("metadata.name={name}"));
    let found = api.list(&selector).await.map_err(|source| DereferenceError::Read {
        kind: kind.to_owned(),
        name: name.to_owned(),
        source,
    })?;
    Ok(found.items.into_iter().next())
}

/// Those of the kinds that the cluster knows.
async fn known(client: &Client, kinds: Vec<ForeignKind>) -> Result<Vec<ForeignKind>, DereferenceError> {
    let mut known = Vec::new();
    for kind in kinds {
        match kube::discovery::pinned_kind(client, &kind.gvk()).await {
            Ok(_) => known.push(kind),
            Err(error) if is_absent(&error) => {}
            Err(kube::Error::Discovery(_)) => {}
            Err(source) => {
                let name = kind.api_version();
                return Err(DereferenceError::Read { kind: "API group".to_owned(), name, source });
            }
        }
    }
    Ok(known)
}
