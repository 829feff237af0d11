//! A store as it is watched: one malformed store must not stop the watch of all.

use kivi_crds::KeyValueStore;
use kube::core::DeserializeGuard;

/// A store, or why it cannot be read.
pub type Watched = DeserializeGuard<KeyValueStore>;
