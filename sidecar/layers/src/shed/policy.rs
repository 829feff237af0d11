//! Places for requests in flight.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::body::Guard;

/// One request's place; free again when this is dropped.
#[derive(Debug)]
pub struct Permit {
    _place: OwnedSemaphorePermit,
}

impl Guard for Permit {}

impl Permit {
    /// A place, if there is one now.
    pub(super) fn take(places: &Arc<Semaphore>) -> Option<Self> {
        let place = Arc::clone(places).try_acquire_owned().ok()?;
        Some(Self { _place: place })
    }
}
