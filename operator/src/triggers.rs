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

/// The stores that a Secret concerns: its owner, and those whose spec names it.
pub fn secret(metadata: &ObjectMeta, stores: &Store<Watched>) -> Vec<ObjectRef<Watched>> {
    if let Some(owner) = owner(metadata) {
        return vec![owner];
    }
    stores
        .state_filter(|store| store.0.as_ref().is_ok_and(|store| names(store, metadata)))
        .iter()
        .map(|store| ObjectRef::from_obj(store.as_ref()))
        .collect()
}

fn names(store: &KeyValueStore, secret: &ObjectMeta) -> bool {
    let references = [&store.spec.tls.secret_ref, &store.spec.auth.tokens_secret_ref];
    let named = references.into_iter().flatten().map(|reference| reference.name.clone());
    let backup = store.spec.backup.as_ref().and_then(|backup| backup.destination.as_ref());
    let bootstrap = store.spec.bootstrap.as_ref().and_then(|it| it.from_backup.destination.as_ref());
    let buckets = [backup, bootstrap].into_iter().flatten();
    let authorities = buckets.filter_map(|bucket| Some(bucket.ca_secret_ref()?.name.clone()));
    // cert-manager writes it, and it is nobody's before the store has seen it.
    let issued = store.spec.tls.issuer_ref.as_ref().map(|_| StoreNames::new(store.name_any()).tls_secret());
    store.metadata.namespace == secret.namespace
        && named.chain(issued).chain(authorities).any(|name| secret.name.as_ref() == Some(&name))
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
    fn a_child_concerns_its_owner_only() {
        let child = metadata(
            "{name: orders-tls, namespace: shop, ownerReferences: [{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStore, name: orders, uid: u}]}",
        );
        let expected: ObjectRef<Watched> = ObjectRef::new("orders").within("shop");
        assert_eq!(owner(&child), Some(expected.clone()));
        assert_eq!(
            secret(&child, &stores(&[("other", "{tls: {secretRef: {name: orders-tls}}}")])),
            [expected]
        );
        assert_eq!(
            owner(&metadata(
                "{name: x, namespace: shop, ownerReferences: [{apiVersion: v1, kind: Pod, name: orders, uid: u}]}"
            )),
            None
        );
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
