//! Tells of a store (client): in its status, and in events of what changed there.

use kivi_crds::{KeyValueStore, KeyValueStoreStatus};
use kube::{Resource as _, ResourceExt as _};

use super::context::Context;
use crate::events;
use crate::status::{self, StatusError};

/// Writes a status that changed, and publishes what changed.
pub(super) async fn tell(
    store: &KeyValueStore,
    context: &Context,
    next: &KeyValueStoreStatus,
) -> Result<(), StatusError> {
    let previous = store.status.as_ref();
    let namespace = store.namespace().unwrap_or_default();
    let uid = store.metadata.uid.as_deref();
    if status::write(&context.client, &namespace, &store.name_any(), uid, previous, next).await? {
        context.metrics.status_written();
        let changes = status::changes(previous, next);
        events::publish(&context.recorder, &store.object_ref(&()), changes).await;
    }
    Ok(())
}
