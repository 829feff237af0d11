//! What is known of backups without asking: their watch keeps them. Reads only.

use kivi_crds::{KeyValueStore, KeyValueStoreBackup};
use kube::core::DeserializeGuard;
use kube_runtime::reflector::{ObjectRef, Store};
use parking_lot::Mutex;

use super::model::Tools;

/// The watched type: one malformed backup must not stop the watch of all.
pub type Watched = DeserializeGuard<KeyValueStoreBackup>;

/// The backups that the watch of this term keeps, and what copies.
#[derive(Debug)]
pub struct Copies {
    backups: Mutex<Option<Store<Watched>>>,
    /// What copies, and reads copies back.
    pub tools: Tools,
}

impl Copies {
    /// None are known before a term begins.
    pub fn new(tools: Tools) -> Self {
        Self { backups: Mutex::default(), tools }
    }

    /// Begins a term with what its watch keeps.
    pub fn begin(&self, backups: Store<Watched>) {
        *self.backups.lock() = Some(backups);
    }

    /// The backups of a store, once they are all known: of one that is not known yet it would be said that it is missing.
    pub async fn of(&self, namespace: &str, store: &str) -> Vec<KeyValueStoreBackup> {
        let Some(backups) = self.known().await else { return Vec::new() };
        let found = backups.state_filter(|backup| {
            backup.0.as_ref().is_ok_and(|backup| {
                backup.metadata.namespace.as_deref() == Some(namespace) && backup.spec.store_ref.name == store
            })
        });
        found.iter().filter_map(|backup| backup.0.clone().ok()).collect()
    }

    /// The backup that a store names as what it begins with.
    pub async fn begins_with(&self, namespace: &str, store: &KeyValueStore) -> Option<KeyValueStoreBackup> {
        let name = store.spec.bootstrap.as_ref()?.from_backup.name.as_ref()?;
        self.known().await?.get(&ObjectRef::new(name).within(namespace))?.0.clone().ok()
    }

    /// A watch that ends is a term that ends; what it kept until then is as good as any.
    async fn known(&self) -> Option<Store<Watched>> {
        let backups = self.backups.lock().clone()?;
        let _ = backups.wait_until_ready().await;
        Some(backups)
    }
}
