//! A backup that is due. Its name is made of its time, so that there are never two for one.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::{KeyValueStoreBackup, KeyValueStoreBackupSpec, StoreNames, StoreRef, labels};

use crate::backup::policy::Policy;
use crate::model::Store;

/// The backup that is due now, if one is.
pub fn scheduled(store: &Store) -> Option<KeyValueStoreBackup> {
    due(&store.namespace, &store.names, store.backup.as_ref()?)
}

/// The backup that is due by this policy. It has no owner: it outlives its store, as what it stands for does.
pub fn due(namespace: &str, names: &StoreNames, policy: &Policy) -> Option<KeyValueStoreBackup> {
    let due = policy.times?.due?;
    let name = names.store();
    let metadata = ObjectMeta {
        name: Some(format!("{}{}", labels::scheduled_prefix(name), due.strftime("%Y%m%d-%H%M"))),
        namespace: Some(namespace.to_owned()),
        labels: Some(labels::backup(name)),
        annotations: Some(BTreeMap::from([(labels::SCHEDULED_AT.to_owned(), due.to_string())])),
        ..ObjectMeta::default()
    };
    let spec = KeyValueStoreBackupSpec { store_ref: StoreRef { name: name.to_owned() }, destination: None };
    Some(KeyValueStoreBackup { metadata, spec, status: None })
}
