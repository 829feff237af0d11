//! What a candidate does next. Pure: what it was told and its own monotonic clock in, the next step out.
//!
//! Times are durations since any fixed moment of this process; no other process's time is ever looked at.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;

use super::Timing;
use super::lease::{holder, promised, version};

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Read the Lease, and tell with [`Candidate::read`].
    Read,
    /// Claim the Lease, over exactly this one (none: make it), and tell with [`Candidate::written`] or
    /// [`Candidate::refused`].
    Claim(Option<Box<Lease>>),
    /// Do nothing for so long.
    Rest(Duration),
}

/// What a Lease means to a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// Nobody leads: claim it.
    Acquire,
    /// This one leads: claim it again.
    Renew,
    /// Another leads, as far as one can tell.
    Wait,
    /// Another leads, and this one thought that it did.
    StepDown,
}

/// One who would lead.
#[derive(Debug, Clone)]
pub struct Candidate {
    me: String,
    timing: Timing,
    /// Another's Lease: its version, since when it has not changed, and for how long it is its holder's.
    others: Option<Observed>,
    /// Until when this one leads, unless it renews.
    leads_until: Option<Duration>,
    plan: Vec<Step>,
}

#[derive(Debug, Clone)]
struct Observed {
    version: String,
    since: Duration,
    promised: Duration,
}

impl Candidate {
    /// One who knows nothing yet. `me` is unlike any other process's name.
    pub fn new(me: String, timing: Timing) -> Self {
        Self { me, timing, others: None, leads_until: None, plan: vec![Step::Read] }
    }

    /// What to do next.
    pub fn step(&mut self) -> Step {
        self.plan.pop().unwrap_or(Step::Read)
    }

    /// Until when it leads, if it does.
    pub fn leads_until(&self, now: Duration) -> Option<Duration> {
        self.leads_until.filter(|until| now < *until)
    }

    /// The Lease was read, and is so. `now` is after the answer came.
    pub fn read(&mut self, lease: Option<Lease>, now: Duration) {
        self.plan = match self.decide(lease.as_ref(), now) {
            Decision::Acquire | Decision::Renew => vec![Step::Claim(lease.map(Box::new))],
            Decision::Wait => vec![Step::Read, Step::Rest(self.timing.retry())],
            Decision::StepDown => {
                self.leads_until = None;
                vec![Step::Read, Step::Rest(self.timing.retry())]
            }
        };
    }

    /// The claim was taken, and is this Lease now. `sent` is before it was sent: whoever sees it sees it later,
    /// so waits longer than this one leads.
    pub fn written(&mut self, lease: Lease, sent: Duration) {
        self.others = None;
        self.leads_until = Some(sent + self.timing.renew_deadline());
        self.plan = vec![Step::Claim(Some(Box::new(lease))), Step::Rest(self.timing.renew_interval())];
    }

    /// The claim was refused: somebody else wrote before.
    pub fn refused(&mut self) {
        self.plan = vec![Step::Read];
    }

    /// There was no answer, or none that says what the Lease is. A claim may have been taken all the same.
    pub fn failed(&mut self) {
        self.plan = vec![Step::Read, Step::Rest(self.timing.retry())];
    }

    fn decide(&mut self, lease: Option<&Lease>, now: Duration) -> Decision {
        let Some(lease) = lease else {
            // Somebody removed it. Its holder goes on until its next renewal fails.
            return match &self.others {
                Some(others) if !self.over(others, now) => Decision::Wait,
                _ => Decision::Acquire,
            };
        };
        match holder(lease) {
            None => return Decision::Acquire,
            Some(name) if name == self.me => {
                return if self.leads_until(now).is_some() { Decision::Renew } else { Decision::Acquire };
            }
            Some(_) => {}
        }
        let version = version(lease);
        match &self.others {
            Some(others) if others.version == version => {
                if self.over(others, now) {
                    Decision::Acquire
                } else {
                    Decision::Wait
                }
            }
            _ => {
                self.others = Some(Observed { version, since: now, promised: promised(lease) });
                if self.leads_until(now).is_some() { Decision::StepDown } else { Decision::Wait }
            }
        }
    }

    /// Whether another's Lease did not change for as long as its holder may lead. Operators of two
    /// configurations may meet: the longer time counts.
    fn over(&self, others: &Observed, now: Duration) -> bool {
        now.saturating_sub(others.since) >= others.promised.max(self.timing.duration())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::election::lease::{claim, release};
    use crate::test_support::now as wall;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn candidate() -> Candidate {
        let mut candidate = Candidate::new("a".to_owned(), Timing::new(s(15), s(10), s(1)).unwrap());
        assert_eq!(candidate.step(), Step::Read);
        candidate
    }

    fn held(by: &str, version: &str, seconds: u64) -> Lease {
        let mut lease = claim(None, "kivi", by, s(seconds), wall());
        lease.metadata.resource_version = Some(version.to_owned());
        lease
    }

    #[test]
    fn a_lease_that_nobody_holds_is_claimed_at_once() {
        for lease in [None, Some(release(&held("b", "1", 15), wall())), Some(held("a", "1", 15))] {
            let mut candidate = candidate();
            candidate.read(lease.clone(), s(100));
            assert_eq!(candidate.step(), Step::Claim(lease.map(Box::new)));
            assert_eq!(candidate.leads_until(s(100)), None, "not before the claim was taken");
        }
    }

    #[test]
    fn a_leader_leads_from_before_it_asked_and_renews_in_time() {
        let mut candidate = candidate();
        candidate.read(None, s(100));
        candidate.written(held("a", "1", 15), s(101));
        assert_eq!(candidate.leads_until(s(110)), Some(s(111)));
        assert_eq!(candidate.leads_until(s(111)), None);
        assert_eq!(candidate.step(), Step::Rest(Duration::from_millis(2500)));
        assert_eq!(candidate.step(), Step::Claim(Some(Box::new(held("a", "1", 15)))));
        candidate.failed();
        assert_eq!(candidate.leads_until(s(105)), Some(s(111)), "one failure ends nothing");
    }

    #[test]
    fn anothers_lease_is_claimed_when_it_did_not_change_for_as_long_as_it_lasts() {
        for (promised, wait) in [(15, 15), (40, 40), (5, 15)] {
            let mut candidate = candidate();
            let lease = held("b", "1", promised);
            candidate.read(Some(lease.clone()), s(100));
            for seconds in [100, 100 + wait - 1] {
                candidate.read(Some(lease.clone()), s(seconds));
                assert_eq!(candidate.step(), Step::Rest(s(1)), "{promised} {seconds}");
            }
            candidate.read(Some(lease.clone()), s(100 + wait));
            assert_eq!(candidate.step(), Step::Claim(Some(Box::new(lease))));
            // A renewal begins it anew.
            candidate.read(Some(held("b", "2", promised)), s(200));
            assert_eq!(candidate.step(), Step::Rest(s(1)));
        }
    }

    #[test]
    fn a_removed_lease_is_not_taken_from_a_leader_that_may_not_know() {
        let mut candidate = candidate();
        candidate.read(Some(held("b", "1", 15)), s(100));
        candidate.read(None, s(114));
        assert_eq!(candidate.step(), Step::Rest(s(1)));
        candidate.read(None, s(115));
        assert_eq!(candidate.step(), Step::Claim(None));
    }

    #[test]
    fn who_finds_another_in_its_place_steps_down_at_once() {
        let mut candidate = candidate();
        candidate.read(None, s(100));
        candidate.written(held("a", "1", 15), s(100));
        candidate.refused();
        assert_eq!(candidate.step(), Step::Read);
        candidate.read(Some(held("b", "2", 15)), s(101));
        assert_eq!(candidate.leads_until(s(101)), None);
    }
}
