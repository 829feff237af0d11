//! Asks and tells the API server what a [`Candidate`] wants. The only file of the election that knows a client.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::PostParams;
use rand::Rng as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Timing;
use super::candidate::{Candidate, Step};
use super::lease;
use crate::answer::{Said, is_absent, is_conflict};
use crate::metrics::Metrics;

/// How long giving the Lease back may take. Whoever waits for it would else wait for its end.
const RELEASE: Duration = Duration::from_secs(3);

/// One who would lead, with what it needs for that.
pub struct Campaign {
    /// Where the Lease is, over connections that no reconcile uses.
    pub leases: Api<Lease>,
    /// Its name.
    pub name: String,
    /// What nobody else is called: of this process alone.
    pub me: String,
    /// How long and how often.
    pub timing: Timing,
    /// What is counted.
    pub metrics: Metrics,
}

/// What became of a call.
enum Answer<T> {
    Is(T),
    Refused,
    None,
}

impl Campaign {
    /// Leads as often as it can until `resign`, then gives the Lease back. `until` says until when it leads.
    pub async fn run(self, until: watch::Sender<Option<Instant>>, resign: CancellationToken) {
        tokio::select! {
            () = resign.cancelled() => {}
            () = self.lead(&until) => {}
        }
        until.send_replace(None);
        if timeout(RELEASE, self.release()).await.is_err() {
            tracing::warn!(lease = self.name, "The Lease could not be given back: others wait for its end.");
        }
    }

    async fn lead(&self, until: &watch::Sender<Option<Instant>>) {
        let start = Instant::now();
        let mut candidate = Candidate::new(self.me.clone(), self.timing);
        loop {
            match candidate.step() {
                Step::Rest(time) => {
                    // Several that lost the same leader do not ask all at once.
                    let jitter = rand::rng().random_range(0.8..1.0);
                    sleep(time.mul_f64(jitter)).await;
                }
                Step::Read => match self.call("read", self.leases.get_opt(&self.name)).await {
                    Answer::Is(lease) => candidate.read(lease, start.elapsed()),
                    Answer::Refused | Answer::None => candidate.failed(),
                },
                Step::Claim(base) => {
                    let sent = start.elapsed();
                    match self.call("claim", self.claim(base.as_deref())).await {
                        Answer::Is(lease) => candidate.written(lease, sent),
                        Answer::Refused => candidate.refused(),
                        Answer::None => candidate.failed(),
                    }
                }
            }
            let next = candidate.leads_until(start.elapsed()).map(|until| start + until);
            until.send_if_modified(|until| std::mem::replace(until, next) != next);
        }
    }

    async fn claim(&self, base: Option<&Lease>) -> kube::Result<Lease> {
        let lease = lease::claim(base, &self.name, &self.me, self.timing.duration(), Timestamp::now());
        match base {
            None => self.leases.create(&PostParams::default(), &lease).await,
            Some(_) => self.leases.replace(&self.name, &PostParams::default(), &lease).await,
        }
    }

    /// A renewal that is still under way may come between the look and the write; then it is tried again.
    async fn release(&self) {
        while let Ok(Some(held)) = self.leases.get_opt(&self.name).await {
            if lease::holder(&held) != Some(&self.me) {
                return;
            }
            let free = lease::release(&held, Timestamp::now());
            match self.leases.replace(&self.name, &PostParams::default(), &free).await {
                Err(error) if is_conflict(&error) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    async fn call<T>(&self, what: &str, call: impl Future<Output = kube::Result<T>>) -> Answer<T> {
        let error = match timeout(self.timing.call_timeout(), call).await {
            Ok(Ok(answer)) => return Answer::Is(answer),
            // Another was faster, or the Lease was removed.
            Ok(Err(error)) if is_conflict(&error) || is_absent(&error) => return Answer::Refused,
            Ok(Err(error)) => Said(&error).to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        self.metrics.lease_failed();
        tracing::warn!(
            lease = self.name,
            call = what,
            error,
            "The API server did not take a call about the Lease."
        );
        Answer::None
    }
}
