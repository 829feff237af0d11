//! What becomes of appends: a log promises it once a batch, and every append in the batch sees it.
//!
//! A log may let a batch grow until somebody waits for it: who has more to append appends it first.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{FutureExt, future::BoxFuture};
use tokio::sync::Notify;

use super::AppendError;

/// The outcome of an append, known now or later: the new tail, which is the sequence of the append's last record.
pub struct Appended(State);

enum State {
    Known(Result<u64, AppendError>),
    Promised { batch: Arc<Batch>, tail: u64 },
}

/// A log's word on the appends of one batch. Dropped before it is kept, it stands for a log that ended.
#[derive(Default)]
pub struct Promise(Arc<Batch>);

/// A log that does not write a batch before it is told to.
pub trait Begin: Send + Sync {
    /// Somebody waits for what was appended so far, or nobody ever will.
    fn begin(&self);
}

#[derive(Default)]
struct Batch {
    /// Who is to be told that somebody waits.
    begin: Option<Arc<dyn Begin>>,
    /// Whether that was done.
    begun: AtomicBool,
    outcome: OnceLock<Result<(), AppendError>>,
    told: Notify,
}

impl Promise {
    /// A promise of a log that is told when somebody waits for it.
    pub fn begun_by(begin: Arc<dyn Begin>) -> Self {
        Self(Arc::new(Batch { begin: Some(begin), ..Batch::default() }))
    }

    /// An append of the batch, which makes this tail.
    pub fn append(&self, tail: u64) -> Appended {
        Appended(State::Promised { batch: Arc::clone(&self.0), tail })
    }

    /// Tells everybody who waits: the log vouches for the batch, or does not have it.
    pub fn keep(self, outcome: Result<(), AppendError>) {
        self.0.tell(outcome);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        // A promise that was kept has its outcome already.
        self.0.tell(Err(AppendError::Failed { message: "the log ended".to_owned() }));
    }
}

impl Appended {
    /// The outcome, if it is known.
    pub fn now(&self) -> Option<Result<u64, AppendError>> {
        match &self.0 {
            State::Known(outcome) => Some(outcome.clone()),
            State::Promised { batch, tail } => {
                let outcome = batch.outcome.get()?;
                Some(outcome.as_ref().map(|()| *tail).map_err(AppendError::clone))
            }
        }
    }

    /// Waits for the outcome. Dropping the future takes nothing back.
    pub async fn outcome(&self) -> Result<u64, AppendError> {
        while let State::Promised { batch, .. } = &self.0 {
            let mut told = std::pin::pin!(batch.told.notified());
            // From here on no word is missed.
            told.as_mut().enable();
            if batch.outcome.get().is_some() {
                break;
            }
            batch.begin();
            told.await;
        }
        // Known by now.
        self.now().unwrap_or(Err(AppendError::Closed))
    }
}

impl From<Result<u64, AppendError>> for Appended {
    fn from(outcome: Result<u64, AppendError>) -> Self {
        Self(State::Known(outcome))
    }
}

impl IntoFuture for Appended {
    type Output = Result<u64, AppendError>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        async move { self.outcome().await }.boxed()
    }
}

impl Drop for Appended {
    fn drop(&mut self) {
        if let State::Promised { batch, .. } = &self.0
            && batch.outcome.get().is_none()
        {
            batch.begin();
        }
    }
}

impl Batch {
    fn begin(&self) {
        if let Some(begin) = &self.begin
            && !self.begun.swap(true, Ordering::Relaxed)
        {
            begin.begin();
        }
    }

    fn tell(&self, outcome: Result<(), AppendError>) {
        if self.outcome.set(outcome).is_ok() {
            self.told.notify_waiters();
        }
    }
}

impl fmt::Debug for Appended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Appended").field(&self.now()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_append_of_a_batch_hears_of_its_own_tail() {
        let promise = Promise::default();
        let (first, second) = (promise.append(3), promise.append(4));
        assert_eq!(first.now(), None);
        let mut waiting = Box::pin(first.outcome());
        assert_eq!((&mut waiting).now_or_never(), None);
        promise.keep(Ok(()));
        assert_eq!((waiting.await, second.outcome().await), (Ok(3), Ok(4)));
    }

    #[tokio::test]
    async fn a_promise_that_nobody_keeps_is_a_failure() {
        let promise = Promise::default();
        let append = promise.append(1);
        drop(promise);
        assert!(matches!(append.outcome().await, Err(AppendError::Failed { .. })));
        let known = Appended::from(Err(AppendError::Closed));
        assert_eq!(known.outcome().await, Err(AppendError::Closed));
    }
}
