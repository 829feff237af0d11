//! The authorities of a store: who issues, who will issue next, and who issued before and is still trusted.
//!
//! A new authority is *made* when the old one has lived two thirds of its life, when it would soon end before a leaf of
//! it, or when a user asks. It is *published* with it. It *issues* when clients have had the overlap to load the bundle.
//! The old one then *retires*, and leaves the bundle when the last leaf that it issued has ended.

use std::time::Duration;

use jiff::Timestamp;

use super::held::{Held, Retired, Wanted};
use super::inspect::{Inspected, inspect, signed_by};
use super::issue;
use super::pair::{Pair, PkiError};
use super::time::{after, before, between};

/// Within this time after it was written, each pod serves a new leaf: the kubelet takes a minute or two.
pub(super) const PICKUP: Duration = Duration::from_secs(3600);

/// How many retired authorities keep a request for a further one waiting: requests must not fill the Secret.
const MOST_RETIRED: usize = 4;

/// The authorities of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities {
    /// Issues.
    pub active: Pair,
    /// Will issue.
    pub next: Option<Next>,
    /// Issued before.
    pub retired: Vec<Retired>,
    /// The last request for a new authority that was answered.
    pub rolled: Option<String>,
}

/// An authority that is published, and does not issue yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Its pair.
    pub pair: Pair,
    /// Since when it is in the bundle.
    pub since: Timestamp,
    /// When it begins to issue.
    pub issues_at: Timestamp,
}

impl Authorities {
    /// What clients are to trust, as PEM: the certificate of each authority, the one that issues first.
    pub fn bundle(&self) -> String {
        let next = self.next.iter().map(|next| &next.pair.certificate);
        let retired = self.retired.iter().map(|retired| &retired.certificate);
        let all = std::iter::once(&self.active.certificate).chain(next).chain(retired);
        all.flat_map(|certificate| [certificate.trim(), "\n"]).collect()
    }
}

/// The authorities as they should be now, and when that changes.
pub(super) fn turn(
    held: &Held,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Result<(Authorities, Timestamp), PkiError> {
    let mut retired: Vec<Retired> = held.retired.iter().filter(|old| now < old.until).cloned().collect();
    let next = sound(held.next.as_ref(), now).map(|(pair, _)| published(pair, held, wanted, now));
    let (active, next) = match (sound(held.authority.as_ref(), now), next) {
        (Some((active, seen)), Some(next)) if next.issues_at <= now => {
            retired.push(retire(active, &seen, held, wanted, now));
            (next.pair, None)
        }
        (Some((active, _)), next) => (active.clone(), next),
        // It ended while the operator was away.
        (None, Some(next)) => (next.pair, None),
        (None, None) => (issue::authority(wanted.store, now, after(now, wanted.authority_duration))?, None),
    };
    let seen = inspect(&active)?;
    let due = due(&seen, wanted);
    let unanswered = wanted.roll.is_some() && wanted.roll != held.rolled.as_deref();
    // A first authority, and one that is under way, is as new as a request could ask for.
    let asked = unanswered && next.is_none() && held.authority.as_ref() == Some(&active);
    let waits = asked && retired.len() >= MOST_RETIRED;
    let next = match next {
        None if due <= now || (asked && !waits) => Some(Next {
            pair: issue::authority(wanted.store, now, after(now, wanted.authority_duration))?,
            since: now,
            issues_at: after(now, wanted.overlap),
        }),
        next => next,
    };
    let step = next.as_ref().map_or(due, |next| next.issues_at);
    let step = retired.iter().map(|old| old.until).min().map_or(step, |until| until.min(step));
    let rolled = if waits { held.rolled.clone() } else { wanted.roll.map(str::to_owned) };
    Ok((Authorities { active, next, retired, rolled }, step))
}

/// A pair that can sign now.
fn sound(pair: Option<&Pair>, now: Timestamp) -> Option<(&Pair, Inspected)> {
    let pair = pair?;
    let seen = inspect(pair).ok()?;
    (now < seen.not_after).then_some((pair, seen))
}

/// The next authority counts as published only since clients see it: what was lost on the way begins anew.
fn published(pair: &Pair, held: &Held, wanted: Wanted<'_>, now: Timestamp) -> Next {
    let seen = held.published.as_ref().filter(|seen| seen.bundle.contains(pair.certificate.trim()));
    let since = seen.and_then(|seen| seen.next_since).map_or(now, |since| since.min(now));
    Next { pair: pair.clone(), since, issues_at: after(since, wanted.overlap) }
}

/// When a new authority is to be made: at two thirds of this one's life, and while a leaf of full length still fits
/// behind the overlap.
fn due(seen: &Inspected, wanted: Wanted<'_>) -> Timestamp {
    let life = between(seen.not_before, seen.not_after).min(wanted.authority_duration);
    let late = before(seen.not_after, wanted.duration + wanted.overlap);
    after(seen.not_before, life / 3 * 2).min(late)
}

fn retire(pair: &Pair, seen: &Inspected, held: &Held, wanted: Wanted<'_>, now: Timestamp) -> Retired {
    // A leaf that was lost cannot be asked for its end; it was no longer than the spec says.
    let leaf = held.leaf.as_ref().filter(|leaf| signed_by(leaf, &pair.certificate));
    let end = leaf.and_then(|leaf| inspect(leaf).ok()).map(|leaf| leaf.not_after);
    let end = end.unwrap_or_else(|| after(now, wanted.duration));
    // Pods may still serve the leaf before this one.
    let until = end.max(after(now, PICKUP)).min(seen.not_after);
    Retired { certificate: pair.certificate.clone(), until }
}
