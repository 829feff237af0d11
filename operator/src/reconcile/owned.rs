//! Whose a child is, where nothing is built: what another made is neither told of nor looked after.

use kivi_crds::KeyValueStore;
use kube::ResourceExt;

/// Whether a store owns an object.
pub(super) fn owns(store: &KeyValueStore, child: &impl ResourceExt) -> bool {
    child.owner_references().iter().any(|owner| Some(&owner.uid) == store.metadata.uid.as_ref())
}
