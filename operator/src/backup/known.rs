//! What is known of backups without asking: their watch keeps them. Reads only.

use kivi_crds::{KeyValueStore, KeyValueStoreBackup};
use kube_runtime::reflector::{ObjectRef, Store};

use super::Watched;
use super::model::Tools;

/// The backups that the watch keeps, and what copies.
#[derive(Clone)]
pub struct Copies {
    /// Every backup, by its watch.
    pub backups: Store<Watched>,
    /// What copies, and reads copies back.
    pub tools: Tools,
}

impl Copies {
    /// The backups of a store, once they are all known: of one that is not known yet it would be said that it is missing.
    pub async fn of(&self, namespace: &str, store: &str) -> Vec<KeyValueStoreBackup> {
        self.wait().await;
        let found = self.backups.state_filter(|backup| {
            backup.0.as_ref().is_ok_and(|backup| {
                backup.metadata.namespace.as_deref() == Some(namespace) && backup.spec.store_ref.name == store
            })
        });
        found.iter().filter_map(|backup| backup.0.clone().ok()).collect()
    }

    /// The backup that a store names as what it begins with.
    pub async fn begins_with(&self, namespace: &str, store: &KeyValueStore) -> Option<KeyValueStoreBackup> {
        let name = store.spec.bootstrap.as_ref()?.from_backup.name.as_ref()?;
        self.wait().await;
        self.backups.get(&ObjectRef::new(name).within(namespace))?.0.clone().ok()
    }

    /// The watch ends only with the operator; what it kept until then is as good as any.
    async fn wait(&self) {
        let _ = self.backups.wait_until_ready().await;
    }
}
