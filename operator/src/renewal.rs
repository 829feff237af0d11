//! The certificate of a store that cannot be built: what serves must not end with it. Where the operator issues it, and
//! `spec.tls` is sound by itself, it is renewed whatever is wrong with the rest.
//!
//! Two parts: what is due (pure), and its writing (client). Of the spec nothing but `spec.tls` is looked at, and what runs
//! must have come of it: a certificate that another spec is to bring is not made, and none of an earlier one written over.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kivi_crds::{CertificateStatus, KeyValueStore, KeyValueStoreSpec};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::apply::ApplyError;
use crate::build::{self, volumes};
use crate::catalog::Catalog;
use crate::dereferenced::Dereferenced;
use crate::field_manager::FIELD_MANAGER;
use crate::material;
use crate::model::{Certificate, Store};
use crate::pki::{Held, signed_by};
use crate::status;
use crate::validate::validate;

/// What is to be written of a certificate.
#[derive(Debug, Clone, PartialEq)]
pub struct Renewal {
    authority: Secret,
    leaf: Secret,
    bundle: ConfigMap,
    /// The certificate that is in use then.
    pub certificate: Option<CertificateStatus>,
}

/// What is due of the certificate of a store, where the operator issues it; none where nothing is.
pub fn due(
    store: &KeyValueStore,
    found: &Dereferenced,
    catalog: &Catalog,
    cluster_domain: &str,
    now: Timestamp,
) -> Option<Renewal> {
    let asked = &store.spec;
    // The release that runs: the one that is asked for may be what is wrong.
    let runs = store.status.as_ref().and_then(|status| status.version.clone());
    let version = runs.unwrap_or_else(|| asked.version.clone());
    let spec = KeyValueStoreSpec { version, tls: asked.tls.clone(), ..KeyValueStoreSpec::default() };
    let store = KeyValueStore { spec, ..store.clone() };
    let found = Dereferenced {
        authority: found.authority.clone(),
        bundle: found.bundle.clone(),
        leaf: found.leaf.clone(),
        stateful_set: found.stateful_set.clone(),
        ..Dereferenced::default()
    };
    let store = validate(&store, &found, catalog, cluster_domain, now).ok()?;
    let Certificate::Managed(managed) = &store.certificate else { return None };
    if !(is_own(&managed.held) && serves(&store, found.stateful_set.as_ref()?)) {
        return None;
    }
    let material = material::ensure(&store, now).ok()?;
    let children = build::build(&store, &material);
    let renewal = Renewal {
        authority: children.authority_secret?,
        leaf: children.certificate_secret?,
        bundle: children.trust_config_map?,
        certificate: status::certificate(&store, &material),
    };
    let in_force =
        |found: Option<&Secret>, wanted: &Secret| found.is_some_and(|found| found.data == wanted.data);
    // The bundle is only looked at while it may lack an authority.
    let is_published = found.bundle.as_ref().is_none_or(|bundle| bundle.data == renewal.bundle.data);
    let at_rest = is_published
        && in_force(found.authority.as_ref(), &renewal.authority)
        && in_force(found.leaf.as_ref(), &renewal.leaf);
    (!at_rest).then_some(renewal)
}

/// Whether the leaf that is there is of an authority of the store.
fn is_own(held: &Held) -> bool {
    let issue = held.authority.iter().chain(&held.next).map(|pair| &pair.certificate);
    let issued = held.retired.iter().map(|old| &old.certificate);
    let leaf = held.leaf.as_ref().filter(|_| held.authority.is_some());
    leaf.is_some_and(|leaf| issue.chain(issued).any(|authority| signed_by(leaf, authority)))
}

/// Whether the pods of a StatefulSet serve with the Secret of the leaf.
fn serves(store: &Store, set: &StatefulSet) -> bool {
    volumes::secret(set, volumes::TLS) == store.certificate_secret().as_deref()
}

/// Writes it: the authority before its leaf, as a leaf whose authority was lost would be issued again.
///
/// # Errors
/// The first that the API server does not take.
pub async fn write(client: &Client, namespace: &str, renewal: &Renewal) -> Result<(), ApplyError> {
    tracing::info!(
        namespace,
        secret = renewal.leaf.name_any(),
        "Renewing the certificate of a store that cannot be built."
    );
    send(client, namespace, &renewal.authority).await?;
    send(client, namespace, &renewal.leaf).await?;
    send(client, namespace, &renewal.bundle).await
}

/// How soon a store that cannot be built is to be looked at again for its certificate's sake.
pub fn look_again(store: &KeyValueStore) -> Option<Duration> {
    const MOST: Duration = Duration::from_secs(3600);
    let tls = &store.spec.tls;
    let elsewhere = tls.secret_ref.is_some() || tls.issuer_ref.is_some() || tls.disabled.is_some();
    (!elsewhere).then(|| (tls.managed.clone().unwrap_or_default().renew_before() / 2).min(MOST))
}

async fn send<K>(client: &Client, namespace: &str, child: &K) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    let name = child.meta().name.clone().unwrap_or_default();
    let params = PatchParams::apply(FIELD_MANAGER).force();
    match Api::<K>::namespaced(client.clone(), namespace).patch(&name, &params, &Patch::Apply(child)).await {
        Ok(_) => Ok(()),
        Err(source) => Err(ApplyError::Apply { kind: K::kind(&()).into_owned(), name, source }),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::pki::{Pair, signed_by};
    use crate::test_support::{catalog, custom_resource, now, store};

    const BROKEN: &str = "{replicas: 2, auth: {tokensSecretRef: {name: none}}}";

    /// What there is of a store whose certificate was issued so many days ago.
    fn issued_before(days: i64) -> Dereferenced {
        let then = now() - SignedDuration::from_hours(24 * days);
        let store = store("{}");
        let material = material::ensure(&store, then).unwrap();
        let children = build::build(&store, &material);
        Dereferenced {
            authority: children.authority_secret,
            leaf: children.certificate_secret,
            stateful_set: Some(children.stateful_set),
            ..Dereferenced::default()
        }
    }

    fn due_now(spec: &str, found: &Dereferenced) -> Option<Renewal> {
        due(&custom_resource(spec), found, &catalog(), "cluster.local", now())
    }

    fn text(secret: &Secret, key: &str) -> String {
        String::from_utf8(secret.data.as_ref().unwrap()[key].0.clone()).unwrap()
    }

    #[test]
    fn a_certificate_is_renewed_when_it_is_due_whatever_is_wrong_with_the_rest_of_the_spec() {
        assert_eq!(due_now(BROKEN, &issued_before(50)), None);
        let old = issued_before(70);
        let renewal = due_now(BROKEN, &old).unwrap();
        let leaf = Pair { certificate: text(&renewal.leaf, "tls.crt"), key: text(&renewal.leaf, "tls.key") };
        assert!(signed_by(&leaf, &text(old.authority.as_ref().unwrap(), "tls.crt")), "its authority stays");
        assert_eq!(renewal.authority.data, old.authority.unwrap().data);
        let told = renewal.certificate.unwrap();
        assert_eq!((told.generation, told.not_after.as_str()), (2, "2027-02-20T10:00:00Z"));
    }

    #[test]
    fn a_certificate_that_is_not_what_runs_is_neither_made_nor_written_over() {
        let old = issued_before(70);
        let other = issued_before(69);
        let mut provided = old.clone();
        let pod = provided.stateful_set.as_mut().unwrap().spec.as_mut().unwrap().template.spec.as_mut();
        let tls = pod.unwrap().volumes.as_mut().unwrap().iter_mut().find(|volume| volume.name == "tls");
        tls.unwrap().secret.as_mut().unwrap().secret_name = Some("mine".to_owned());
        let is_left_alone = |what, found| assert_eq!(due_now(BROKEN, &found), None, "{what}");
        is_left_alone("served from another Secret", provided);
        is_left_alone("no authority", Dereferenced { authority: None, ..old.clone() });
        is_left_alone("no leaf", Dereferenced { leaf: None, ..old.clone() });
        is_left_alone("a leaf of another's", Dereferenced { leaf: other.leaf, ..old.clone() });
        is_left_alone("no StatefulSet", Dereferenced { stateful_set: None, ..old });
    }

    #[test]
    fn a_certificate_that_others_keep_or_whose_own_part_is_wrong_is_left_alone() {
        let old = issued_before(70);
        for spec in [
            "{tls: {secretRef: {name: mine}}}",
            "{tls: {disabled: {}}}",
            "{tls: {managed: {duration: 1s}}}",
            "{tls: {managed: {}, disabled: {}}}",
        ] {
            assert_eq!(due_now(spec, &old), None, "{spec}");
        }
        let look = |spec: &str| look_again(&custom_resource(spec));
        assert_eq!(look("{tls: {disabled: {}}}"), None);
        assert_eq!(look("{}"), Some(Duration::from_secs(3600)));
        assert_eq!(look("{tls: {managed: {duration: 1h, renewBefore: 2m}}}"), Some(Duration::from_secs(60)));
    }
}
