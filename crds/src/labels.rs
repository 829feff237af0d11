//! The labels of a store's children (kubernetes.io, recommended labels).

use std::collections::BTreeMap;

/// The value of `app.kubernetes.io/managed-by` on each child: what the operator's watches select.
pub const MANAGER: &str = "kivi-operator";

/// The label that says who manages an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The label that names the store an object belongs to.
pub const INSTANCE: &str = "app.kubernetes.io/instance";

/// The label with the version of the servers.
pub const VERSION: &str = "app.kubernetes.io/version";

/// What selects the pods of a store. A StatefulSet's selector can never change, so neither can these.
pub fn selector(store: &str) -> BTreeMap<String, String> {
    owned([("app.kubernetes.io/name", "kivi"), (INSTANCE, store), ("app.kubernetes.io/component", "store")])
}

/// The labels of each child of a store at this version.
pub fn child(store: &str, version: &str) -> BTreeMap<String, String> {
    let mut labels = selector(store);
    labels.extend(owned([("app.kubernetes.io/part-of", "kivi"), (MANAGED_BY, MANAGER), (VERSION, version)]));
    labels
}

/// Annotation of a backup that the schedule made: its scheduled time, as in `2026-11-22T02:00:00Z`.
pub const SCHEDULED_AT: &str = "kivi.dev/scheduled-at";

/// What the name of each backup that the schedule makes begins with.
pub fn scheduled_prefix(store: &str) -> String {
    format!("{store}-at-")
}

/// The labels of what copies a store. It must not be taken for the store's pods, so the component differs.
pub fn backup(store: &str) -> BTreeMap<String, String> {
    let mut labels = child(store, crate::RELEASE);
    labels.extend(copying(store));
    labels
}

/// What selects the pods that copy a store, of each version.
pub fn copying(store: &str) -> BTreeMap<String, String> {
    let mut labels = selector(store);
    labels.extend(owned([("app.kubernetes.io/component", "backup")]));
    labels
}

/// A selector as the API server reads it in a query.
pub fn query(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selector_is_part_of_every_child_and_knows_no_version() {
        let selector = selector("orders");
        for version in ["0.1.0", "9.9.9"] {
            let child = child("orders", version);
            assert!(selector.iter().all(|(key, value)| child.get(key) == Some(value)));
        }
        assert_eq!(
            query(&selector),
            "app.kubernetes.io/component=store,app.kubernetes.io/instance=orders,app.kubernetes.io/name=kivi"
        );
    }
}
