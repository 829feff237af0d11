//! What the cache runs on and synchronises by, in one place: the model in `tests/model` compiles the cache
//! with its own in this place, and then decides at each of these points which task goes on.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64};

pub(crate) use foldhash::quality::RandomState;
pub(crate) use parking_lot::Mutex;
pub(crate) use tokio::{
    spawn,
    sync::Notify,
    task::AbortHandle,
    time::{timeout, timeout_at},
};

/// Whether there is a runtime that takes a task.
pub(crate) fn is_running() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}
