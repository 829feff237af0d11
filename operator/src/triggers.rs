//! Which stores an object concerns. Pure: metadata in, references out.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::{KeyValueStore, StoreNames, labels};
use kube::{Resource as _, ResourceExt as _};
use kube_runtime::reflector::{ObjectRef, Store};

use crate::watched::Watched;

/// The store that owns an object.
pub fn owner(metadata: &ObjectMeta) -> Option<ObjectRef<Watched>> {
    let namespace = metadata.namespace.as_deref()?;
    metadata
        .owner_references
        .iter()
        .flatten()
        .find(|owner| {
            owner.kind == KeyValueStore::kind(&()) && owner.api_version == KeyValueStore::api_version(&())
        })
        .map(|owner| ObjectRef::new(&owner.name).within(namespace))
}

/// The store that an object carries the label of; a volume claim outlives its store, so has no owner.
pub fn instance(metadata: &ObjectMeta) -> Option<ObjectRef<Watched>> {
    let name = metadata.labels.as_ref()?.get(labels::INSTANCE)?;
    Some(ObjectRef::new(name).within(metadata.namespace.as_deref()?))
}

/// The store that a child concerns: its owner, or where somebody took that away, the one whose label it carries.
pub fn child(metadata: &ObjectMeta) -> Option<ObjectRef<Watched>> {
    let label = |key: &str| metadata.labels.as_ref().and_then(|labels| labels.get(key));
    let is_managed = || label(labels::MANAGED_BY).is_some_and(|manager| manager == labels::MANAGER);
    owner(metadata).or_else(|| instance(metadata).filter(|_| is_managed()))
}

/// The stores that a Secret concerns: whose child it is, and those whose spec names it, be it another store's.
pub fn secret(metadata: &ObjectMeta, stores: &Store<Watched>) -> Vec<ObjectRef<Watched>> {
    let child = child(metadata);
    let naming = stores.state_filter(|store| store.0.as_ref().is_ok_and(|store| names(store, metadata)));
    let naming = naming.iter().map(|store| ObjectRef::from_obj(store.as_ref()));
    let naming = naming.filter(|store| child.as_ref() != Some(store)).collect::<Vec<_>>();
    child.iter().cloned().chain(naming).collect()
}

fn names(store: &KeyValueStore, secret: &ObjectMeta) -> bool {
    // First, as it sets nearly all apart: each Secret's every change is held against each store.
    if store.metadata.namespace != secret.namespace {
        return false;
    }
    let references = [&store.spec.tls.secret_ref, &store.spec.auth.tokens_secret_ref];
    let named = references.into_iter().flatten().map(|reference| reference.name.clone());
    let backup = store.spec.backup.as_ref().and_then(|backup| backup.destination.as_ref());
    let bootstrap = store.spec.bootstrap.as_ref().and_then(|it| it.from_backup.destination.as_ref());
    let buckets = [backup, bootstrap].into_iter().flatten();
    let authorities = buckets.filter_map(|bucket| Some(bucket.ca_secret_ref()?.name.clone()));
    // cert-manager writes it, and it is nobody's before the store has seen it.
    let issued = store.spec.tls.issuer_ref.as_ref().map(|_| StoreNames::new(store.name_any()).tls_secret());
    named.chain(issued).chain(authorities).any(|name| secret.name.as_ref() == Some(&name))
}

#[cfg(test)]
mod tests {
    use kube_runtime::reflector;
    use kube_runtime::watcher::Event;

    use super::*;

    fn metadata(yaml: &str) -> ObjectMeta {
        serde_yaml::from_str(yaml).unwrap()
    }

    fn stores(specs: &[(&str, &str)]) -> Store<Watched> {
        let (reader, mut writer) = reflector::store();
        for (name, spec) in specs {
            let yaml = format!("{{metadata: {{name: {name}, namespace: shop}}, spec: {spec}}}");
            let store: Watched = serde_yaml::from_str(&yaml).unwrap();
            writer.apply_watcher_event(&Event::Apply(store));
        }
        reader
    }

    #[test]
    fn a_child_concerns_its_owner_and_a_secret_whoever_names_it_besides() {
        let child = metadata(
            "{name: orders-tls, namespace: shop, ownerReferences: [{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStore, name: orders, uid: u}]}",
        );
        let expected: ObjectRef<Watched> = ObjectRef::new("orders").within("shop");
        assert_eq!(owner(&child), Some(expected.clone()));
        let other = ObjectRef::new("other").within("shop");
        assert_eq!(
            secret(&child, &stores(&[("other", "{tls: {secretRef: {name: orders-tls}}}"), ("third", "{}")])),
            [expected.clone(), other]
        );
        let own = stores(&[("orders", "{tls: {issuerRef: {name: mine}}}")]);
        assert_eq!(secret(&child, &own), [expected], "once");
        assert_eq!(
            owner(&metadata(
                "{name: x, namespace: shop, ownerReferences: [{apiVersion: v1, kind: Pod, name: orders, uid: u}]}"
            )),
            None
        );
    }

    #[test]
    fn a_child_whose_owner_was_taken_away_concerns_the_store_of_its_label() {
        let labels = "app.kubernetes.io/instance: orders";
        let managed = "app.kubernetes.io/managed-by: kivi-operator";
        let of = |labels: &str| metadata(&format!("{{name: x, namespace: shop, labels: {{{labels}}}}}"));
        let orders = ObjectRef::new("orders").within("shop");
        assert_eq!(child(&of(&format!("{labels}, {managed}"))), Some(orders.clone()));
        assert_eq!(secret(&of(&format!("{labels}, {managed}")), &stores(&[])), [orders]);
        assert_eq!(child(&of(labels)), None, "somebody else's application may have the name of a store");
    }

    #[test]
    fn a_foreign_secret_concerns_the_stores_that_name_it() {
        let stores = stores(&[
            ("one", "{tls: {secretRef: {name: mine}}}"),
            ("two", "{auth: {tokensSecretRef: {name: mine}}}"),
            ("three", "{}"),
            ("four", "{tls: {issuerRef: {name: mine}}}"),
            ("five", "{backup: {destination: {s3: {bucket: backups, caSecretRef: {name: mine}}}}}"),
            (
                "six",
                "{bootstrap: {fromBackup: {destination: {s3: {bucket: backups, prefix: p, caSecretRef: {name: mine}}}}}}",
            ),
            ("broken", "{replicas: many}"),
        ]);
        let mut found: Vec<String> =
            secret(&metadata("{name: mine, namespace: shop}"), &stores).into_iter().map(|r| r.name).collect();
        found.sort();
        assert_eq!(found, ["five", "one", "six", "two"]);
        let issued = secret(&metadata("{name: four-tls, namespace: shop}"), &stores);
        assert_eq!(issued, [ObjectRef::new("four").within("shop")]);
        assert!(secret(&metadata("{name: mine, namespace: elsewhere}"), &stores).is_empty());
        assert!(secret(&metadata("{name: unrelated, namespace: shop}"), &stores).is_empty());
    }

    #[test]
    fn a_volume_claim_concerns_the_store_of_its_label() {
        let claim =
            metadata("{name: log-orders-0, namespace: shop, labels: {app.kubernetes.io/instance: orders}}");
        assert_eq!(instance(&claim), Some(ObjectRef::new("orders").within("shop")));
    }
}
