//! Whether a leaf is kept, and a new one where it is not.

use std::time::Duration;

use jiff::Timestamp;

use super::held::{Held, Wanted};
use super::inspect::{Inspected, inspect, signed_by};
use super::issue;
use super::pair::{Pair, PkiError};
use super::time::{SKEW, after, before, between};

/// A leaf, and what is known of it.
pub(super) struct Leaf {
    pub(super) pair: Pair,
    pub(super) not_after: Timestamp,
    pub(super) due: Timestamp,
}

/// The leaf in the cluster, if nothing asks for another.
pub(super) fn keep(
    pair: &Pair,
    held: &Held,
    authority: &Pair,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Option<Leaf> {
    let seen = inspect(pair).ok()?;
    let mut names = wanted.names.to_vec();
    names.sort();
    names.dedup();
    let due = due(&seen, wanted);
    // A shorter duration in the spec takes effect at once, a longer one at the next renewal.
    let too_long = seen.not_after > after(now, wanted.duration + SKEW);
    let asked = wanted.rotate.is_some() && wanted.rotate != held.rotated.as_deref();
    let serves =
        seen.names == names && now < due && !too_long && !asked && signed_by(pair, &authority.certificate);
    serves.then(|| Leaf { pair: pair.clone(), not_after: seen.not_after, due })
}

/// A new leaf. None outlives its authority.
pub(super) fn issue(authority: &Pair, wanted: Wanted<'_>, now: Timestamp) -> Result<Leaf, PkiError> {
    let end = inspect(authority)?.not_after;
    let not_after = after(now, wanted.duration).min(end);
    let pair = issue::leaf(authority, wanted.store, wanted.names, now, not_after)?;
    let due = due(&inspect(&pair)?, wanted);
    Ok(Leaf { pair, not_after, due })
}

/// When a leaf is to be renewed: before its end by the part of its life that the spec asks for. Near its authority's
/// end a leaf is short, and would else be due when it is made.
fn due(seen: &Inspected, wanted: Wanted<'_>) -> Timestamp {
    let life = between(after(seen.not_before, SKEW), seen.not_after);
    let part = life.as_secs_f64() / wanted.duration.as_secs_f64().max(1.0);
    let renew_before = wanted.renew_before.as_secs_f64() * part.min(1.0);
    before(seen.not_after, Duration::from_secs_f64(renew_before))
}
