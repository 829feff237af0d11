//! A store's own certificate authority: issues it and the server's certificate, and says what may be kept.
//!
//! Inputs: what the cluster holds, the names wanted, the time. It must not read a clock or a client.
//! ECDSA P-256; the authority is valid for ten years, the leaf as the spec says.

mod inspect;
mod issue;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

pub use inspect::{Inspected, inspect, signed_by};

/// How long an authority is valid: ten years.
const AUTHORITY_DURATION: SignedDuration = SignedDuration::from_hours(87_600);

/// Clocks differ: by so much a certificate is valid before it is made, and may seem to end too late.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// A certificate and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Pair {
    /// The certificate, or a chain that begins with it.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl std::fmt::Debug for Pair {
    /// A key is never shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

/// Why a pair cannot be used or made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PkiError {
    /// The certificate is not one.
    #[error("tls.crt is not a PEM certificate: {0}")]
    Certificate(String),
    /// The key is not one.
    #[error("tls.key is not a PEM private key: {0}")]
    Key(String),
    /// They do not belong together.
    #[error("tls.key is not the key of tls.crt")]
    Mismatch,
    /// Issuing failed.
    #[error("cannot issue a certificate: {0}")]
    Issue(String),
}

/// The pair that a store serves with, and its authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The authority.
    pub authority: Pair,
    /// The server's pair.
    pub leaf: Pair,
    /// When the leaf ends.
    pub not_after: Timestamp,
    /// When the leaf is to be renewed.
    pub renew_at: Timestamp,
    /// How often the leaf was issued, from 1.
    pub generation: i64,
}

/// What is wanted of a leaf.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Name of the store.
    pub store: &'a str,
    /// DNS names and addresses.
    pub names: &'a [String],
    /// How long it is valid.
    pub duration: Duration,
    /// How long before its end it is renewed.
    pub renew_before: Duration,
}

/// Keeps the leaf and the authority where they are sound, fit the names and are not due; issues what is
/// not. A new authority means a new leaf.
///
/// # Errors
/// When a certificate cannot be made; never because of what is in the cluster.
pub fn ensure(
    authority: Option<&Pair>,
    leaf: Option<&Pair>,
    generation: i64,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Result<Issued, PkiError> {
    // Certificates hold whole seconds.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let kept = authority.filter(|pair| authority_serves(pair, wanted, now));
    if let (Some(authority), Some(leaf)) = (kept, leaf)
        && let Some(not_after) = leaf_serves(leaf, authority, wanted, now)
    {
        return Ok(Issued {
            authority: authority.clone(),
            leaf: leaf.clone(),
            not_after,
            renew_at: before(not_after, wanted.renew_before),
            generation: generation.max(1),
        });
    }
    let authority = match kept {
        Some(pair) => pair.clone(),
        None => issue::authority(wanted.store, now, after(now, AUTHORITY_DURATION))?,
    };
    let not_after = after(now, signed(wanted.duration));
    let leaf = issue::leaf(&authority, wanted.store, wanted.names, now, not_after)?;
    Ok(Issued {
        authority,
        leaf,
        not_after,
        renew_at: before(not_after, wanted.renew_before),
        generation: generation.max(0) + 1,
    })
}

/// An authority serves while it outlives any leaf that it signs now.
fn authority_serves(pair: &Pair, wanted: Wanted<'_>, now: Timestamp) -> bool {
    inspect(pair).is_ok_and(|seen| seen.not_after > after(now, signed(wanted.duration)))
}

fn leaf_serves(leaf: &Pair, authority: &Pair, wanted: Wanted<'_>, now: Timestamp) -> Option<Timestamp> {
    let seen = inspect(leaf).ok()?;
    let mut names = wanted.names.to_vec();
    names.sort();
    // A shorter duration in the spec takes effect at once, a longer one at the next renewal.
    let due = before(seen.not_after, wanted.renew_before);
    let too_long = seen.not_after > after(now, signed(wanted.duration + SKEW));
    (seen.names == names && now < due && !too_long && signed_by(leaf, authority)).then_some(seen.not_after)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(AUTHORITY_DURATION)
}

fn after(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

fn before(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_sub(signed(duration)).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
