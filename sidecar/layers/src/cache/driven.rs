//! A load that its leader drives while it waits for it: no task, no turn of the scheduler for what most loads are, one
//! small answer. It becomes a task of its own as soon as its leader does something else, be it leaving.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::flight::Flight;
use crate::runtime::{is_running, spawn};

/// The load of a flight, in the hands of the flight's leader.
pub(super) struct Driven {
    flight: Arc<Flight>,
    load: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Driven {
    /// `load` feeds `flight`. Must be dropped within a runtime, which takes it on.
    pub(super) fn new(flight: Arc<Flight>, load: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { flight, load: Some(Box::pin(load)) }
    }

    /// Gets on with the load. One that panics has failed, which its flight tells whoever waits, the leader too.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        let Some(load) = &mut self.load else { return };
        if !matches!(catch_unwind(AssertUnwindSafe(|| load.as_mut().poll(cx))), Ok(Poll::Pending)) {
            self.load = None;
        }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        // A flight that nobody reads has ended, and its load with it.
        if let Some(load) = self.load.take().filter(|_| self.flight.is_loading() && is_running()) {
            self.flight.set_task(spawn(load).abort_handle());
        }
    }
}

impl fmt::Debug for Driven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driven").field("flight", &self.flight).finish_non_exhaustive()
    }
}
