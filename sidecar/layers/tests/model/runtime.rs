//! In place of the layer's `runtime`: the same names, where each use is a point at which another task may
//! go on.

use std::{
    cell::RefCell,
    hash::{BuildHasherDefault, DefaultHasher},
    time::Duration,
};

use futures::future::{Either, select};
use shuttle::{future::JoinHandle, thread};
use tokio::time::Instant;

pub(crate) use shuttle::{
    future::AbortHandle,
    sync::atomic::{AtomicBool, AtomicU64},
};

/// The same at each run.
pub(crate) type RandomState = BuildHasherDefault<DefaultHasher>;

thread_local! {
    /// Whether a time limit may be reached. If so, at any moment.
    static CLOCK_RUNS: RefCell<bool> = const { RefCell::new(false) };
    /// Whether reads may go past the layer.
    static EXPRESS: RefCell<bool> = const { RefCell::new(false) };
    static LOADS: RefCell<Vec<AbortHandle>> = const { RefCell::new(Vec::new()) };
}

/// Begins a run: no loads, and time limits that are reached at any moment or never.
pub(crate) fn begin(clock_runs: bool) {
    CLOCK_RUNS.set(clock_runs);
    LOADS.take();
}

/// Has reads go past the layer, or not, from the next run on.
pub(crate) fn express(may: bool) {
    EXPRESS.set(may);
}

/// Whether reads may go past the layer.
pub(crate) fn may_express() -> bool {
    EXPRESS.with_borrow(|may| *may)
}

/// Ends every load at its next wait, as the end of a runtime does.
pub(crate) fn kill_loads() {
    for load in LOADS.take() {
        load.abort();
    }
}

/// Another task may go on here.
pub(crate) fn point() {
    thread::sleep(Duration::ZERO);
}

/// The layer's tasks are its loads.
pub(crate) fn spawn<F>(load: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let task = shuttle::future::spawn(load);
    LOADS.with_borrow_mut(|loads| loads.push(task.abort_handle()));
    task
}

/// A lock without poisoning.
#[derive(Debug)]
pub(crate) struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> shuttle::sync::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Tokio's, which needs none of its runtime.
#[derive(Debug)]
pub(crate) struct Notify(tokio::sync::Notify);

impl Notify {
    pub(crate) fn new() -> Self {
        Self(tokio::sync::Notify::new())
    }

    pub(crate) fn notified(&self) -> tokio::sync::futures::Notified<'_> {
        point();
        self.0.notified()
    }

    pub(crate) fn notify_one(&self) {
        point();
        self.0.notify_one();
    }

    pub(crate) fn notify_waiters(&self) {
        point();
        self.0.notify_waiters();
    }
}

/// The time was up.
#[derive(Debug)]
pub(crate) struct Elapsed;

pub(crate) async fn timeout<F: Future>(_: Duration, work: F) -> Result<F::Output, Elapsed> {
    if CLOCK_RUNS.with_borrow(|runs| *runs) { or_not(work).await } else { Ok(work.await) }
}

pub(crate) async fn timeout_at<F: Future>(_: Instant, work: F) -> Result<F::Output, Elapsed> {
    timeout(Duration::ZERO, work).await
}

/// Does `work`, or gives it up at any moment.
pub(crate) async fn or_not<F: Future>(work: F) -> Result<F::Output, Elapsed> {
    // This task's turn is the moment.
    let moment = shuttle::future::spawn(async {});
    match select(std::pin::pin!(work), moment).await {
        Either::Left((outcome, _)) => Ok(outcome),
        Either::Right(_) => Err(Elapsed),
    }
}

/// A model always runs.
pub(crate) fn is_running() -> bool {
    true
}
