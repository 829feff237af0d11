//! The Lease as an object: what it says, and what a candidate writes into it. Pure.
//!
//! The times in it are for people. Nobody decides by them, since they are of another's clock.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::ResourceExt as _;

/// Who holds it; nobody, where it was released.
pub(crate) fn holder(lease: &Lease) -> Option<&str> {
    lease.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
}

/// Changes with each write.
pub(crate) fn version(lease: &Lease) -> String {
    lease.resource_version().unwrap_or_default()
}

/// How long the holder promised to be its only holder.
pub(crate) fn promised(lease: &Lease) -> Duration {
    let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// The Lease as its next holder writes it. What the base says otherwise is kept, its version too: a write
/// over anything newer is refused.
pub(crate) fn claim(base: Option<&Lease>, name: &str, me: &str, duration: Duration, now: Timestamp) -> Lease {
    let mut lease = base.cloned().unwrap_or_default();
    lease.metadata.name = Some(name.to_owned());
    lease.metadata.managed_fields = None;
    let renewed = holder(&lease) == Some(me);
    let spec = lease.spec.get_or_insert_default();
    if !renewed {
        spec.holder_identity = Some(me.to_owned());
        spec.acquire_time = Some(MicroTime(now));
        // The first holder is no change of holders.
        let transitions = spec.lease_transitions.map_or(0, |transitions| transitions.saturating_add(1));
        spec.lease_transitions = Some(transitions);
    }
    spec.renew_time = Some(MicroTime(now));
    spec.lease_duration_seconds = Some(i32::try_from(duration.as_secs()).unwrap_or(i32::MAX));
    lease
}

/// The Lease as its holder leaves it: free for anybody, at once.
pub(crate) fn release(base: &Lease, now: Timestamp) -> Lease {
    let mut lease = base.clone();
    lease.metadata.managed_fields = None;
    let spec = lease.spec.get_or_insert_default();
    spec.holder_identity = Some(String::new());
    spec.renew_time = Some(MicroTime(now));
    lease
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::now;

    const TERM: Duration = Duration::from_secs(15);

    #[test]
    fn a_claim_counts_changes_of_holders_and_keeps_what_it_does_not_know() {
        let first = claim(None, "kivi", "a", TERM, now());
        assert_eq!(holder(&first), Some("a"));
        assert_eq!(promised(&first), TERM);
        let spec = |lease: &Lease| lease.spec.clone().unwrap();
        assert_eq!(spec(&first).lease_transitions, Some(0));

        let mut known = first.clone();
        known.metadata.resource_version = Some("7".to_owned());
        known.metadata.labels = Some([("team".to_owned(), "shop".to_owned())].into());
        let later = now() + jiff::SignedDuration::from_secs(9);
        let renewed = claim(Some(&known), "kivi", "a", TERM, later);
        assert_eq!((version(&renewed), spec(&renewed).lease_transitions), ("7".to_owned(), Some(0)));
        assert_eq!(spec(&renewed).acquire_time, Some(MicroTime(now())));
        assert_eq!(spec(&renewed).renew_time, Some(MicroTime(later)));

        let taken = claim(Some(&known), "kivi", "b", TERM, later);
        assert_eq!((holder(&taken), spec(&taken).lease_transitions), (Some("b"), Some(1)));
        assert_eq!(spec(&taken).acquire_time, Some(MicroTime(later)));
        assert_eq!(taken.metadata.labels, known.metadata.labels);
        assert_eq!(holder(&release(&taken, later)), None);
    }
}
