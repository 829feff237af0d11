//! Publishes what changed as events of the store.

use k8s_openapi::api::core::v1::ObjectReference;
use kube_runtime::events::{Event, EventType, Recorder};

use crate::answer::is_leaving;
use crate::status::Change;

/// Publishes each change. An event that is lost costs a user one line, not the reconcile.
pub(crate) async fn publish(recorder: &Recorder, store: &ObjectReference, changes: Vec<Change>) {
    /// The API server takes notes of up to 1 kB.
    const LONGEST: usize = 1000;
    for change in changes {
        let event = Event {
            type_: if change.warning { EventType::Warning } else { EventType::Normal },
            reason: change.reason,
            note: Some(change.note[..change.note.floor_char_boundary(LONGEST)].to_owned()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        if let Err(error) = recorder.publish(&event, store).await
            // Nobody reads the events of a namespace that is being deleted.
            && !is_leaving(&error)
        {
            tracing::warn!(%error, reason = event.reason, "An event could not be published.");
        }
    }
}
