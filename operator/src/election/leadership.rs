//! Whether this operator leads, as the rest of the process sees it.

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Whether this operator leads. It ends by itself: without a renewal there is no leadership after its time,
/// whatever became of the one who renews.
#[derive(Debug, Clone)]
pub struct Leadership(Option<watch::Receiver<Option<Instant>>>);

/// Nobody tries to lead any more: the one who did has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the election has ended")]
pub struct Ended;

impl Leadership {
    /// There is no election: this operator is the only one.
    pub fn sole() -> Self {
        Self(None)
    }

    /// Leads until the time that is sent here.
    pub fn of(until: watch::Receiver<Option<Instant>>) -> Self {
        Self(Some(until))
    }

    /// Whether it leads now.
    pub fn leads(&self) -> bool {
        match &self.0 {
            None => true,
            Some(until) => until.borrow().is_some_and(|until| Instant::now() < until),
        }
    }

    /// Waits until it leads.
    ///
    /// # Errors
    /// When it never will.
    pub async fn won(&mut self) -> Result<(), Ended> {
        let Some(until) = &mut self.0 else { return Ok(()) };
        let leads = |until: &Option<Instant>| until.is_some_and(|until| Instant::now() < until);
        until.wait_for(leads).await.map(drop).map_err(|_| Ended)
    }

    /// Waits until it leads no more.
    pub async fn lost(&mut self) {
        let Some(receiver) = &mut self.0 else { return std::future::pending().await };
        loop {
            let until = *receiver.borrow_and_update();
            let Some(until) = until.filter(|until| Instant::now() < *until) else { return };
            tokio::select! {
                () = sleep_until(until) => {}
                changed = receiver.changed() => if changed.is_err() {
                    // Nobody renews any more: what is left of the time is.
                    return sleep_until(until).await;
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn leadership_ends_by_itself_and_a_renewal_prolongs_it() {
        let start = Instant::now();
        let (renew, receiver) = watch::channel(None);
        let mut leadership = Leadership::of(receiver);
        assert!(!leadership.leads());
        renew.send(Some(start + Duration::from_secs(10))).unwrap();
        leadership.won().await.unwrap();
        assert!(leadership.leads());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            renew.send(Some(start + Duration::from_secs(13))).unwrap();
        });
        leadership.lost().await;
        assert_eq!(start.elapsed().as_secs(), 13);
        assert!(!leadership.leads());
        assert_eq!(leadership.won().await, Err(Ended));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_loses_at_once() {
        let (renew, receiver) = watch::channel(Some(Instant::now() + Duration::from_secs(10)));
        let mut leadership = Leadership::of(receiver);
        let lost = tokio::spawn(async move { leadership.lost().await });
        tokio::task::yield_now().await;
        let start = Instant::now();
        renew.send(None).unwrap();
        lost.await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
