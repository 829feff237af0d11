//! A store's own certificate authority: issues it and the server's certificate, says what may be kept, and what clients
//! are to trust meanwhile.
//!
//! Inputs: what the cluster holds, what is wanted, the time. It must not read a clock or a client. ECDSA P-256.
//!
//! Two rules hold at each moment, whatever was lost and however long the operator was away. A leaf is issued only by an
//! authority that has been in the published bundle for the overlap, so a client that loads the bundle within it knows the
//! authority. And an authority leaves the bundle only when no leaf of it can be served any more.

mod authority;
mod chain;
mod inspect;
mod issue;
mod leaf;
mod time;

use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;

pub use authority::{Authorities, Next};
pub use chain::{Examined, Flaw, examine};
pub use inspect::{Inspected, inspect, signed_by};

/// Clocks differ: by so much a certificate is valid before it is made, and may seem to end too late.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// Within this time after it was written, each pod serves a new leaf: the kubelet takes a minute or two.
const PICKUP: Duration = Duration::from_secs(3600);

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

/// What the cluster holds of a store's certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// The authority that issues.
    pub authority: Option<Pair>,
    /// The authority that will issue next.
    pub next: Option<Pair>,
    /// Authorities that issued before.
    pub retired: Vec<Retired>,
    /// The last request for a new authority that was answered.
    pub rolled: Option<String>,
    /// What clients see. Only looked up where there is a next authority.
    pub published: Option<Published>,
    /// The server's pair.
    pub leaf: Option<Pair>,
    /// How often the leaf was issued.
    pub generation: i64,
    /// The last request for a new leaf that was answered.
    pub rotated: Option<String>,
}

/// An authority that issues no more, and is still trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retired {
    /// Its certificate, as PEM.
    pub certificate: String,
    /// When the last leaf that it issued has ended.
    pub until: Timestamp,
}

/// The bundle that clients see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Certificates, as PEM.
    pub bundle: String,
    /// Since when it holds the next authority.
    pub next_since: Option<Timestamp>,
}

/// What is wanted of a store's certificate.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Name of the store.
    pub store: &'a str,
    /// DNS names and addresses.
    pub names: &'a [String],
    /// How long a leaf is valid.
    pub duration: Duration,
    /// How long before its end a leaf is renewed.
    pub renew_before: Duration,
    /// How long an authority is valid.
    pub authority_duration: Duration,
    /// How long a new authority is published before it issues.
    pub overlap: Duration,
    /// A request for a new authority: answered once.
    pub roll: Option<&'a str>,
    /// A request for a new leaf: answered once.
    pub rotate: Option<&'a str>,
}

/// The pair that a store serves with, and its authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Who issues, will issue and has issued.
    pub authorities: Authorities,
    /// The server's pair.
    pub leaf: Pair,
    /// When the leaf ends.
    pub not_after: Timestamp,
    /// How often the leaf was issued, from 1.
    pub generation: i64,
    /// The last request for a new leaf that was answered.
    pub rotated: Option<String>,
    /// When the next step is due: a renewal, a new authority, its first leaf, the end of an old one.
    pub due: Timestamp,
}

/// Keeps the leaf and the authorities where they are sound, fit what is wanted and are not due; makes what is not.
///
/// # Errors
/// When a certificate cannot be made; never because of what is in the cluster.
pub fn ensure(held: &Held, wanted: Wanted<'_>, now: Timestamp) -> Result<Issued, PkiError> {
    // Certificates hold whole seconds.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let (authorities, authority_due) = authority::turn(held, wanted, now)?;
    let kept = held.leaf.as_ref().and_then(|pair| leaf::keep(pair, held, &authorities.active, wanted, now));
    let issued_anew = kept.is_none();
    let leaf = match kept {
        Some(leaf) => leaf,
        None => leaf::issue(&authorities.active, wanted, now)?,
    };
    Ok(Issued {
        authorities,
        leaf: leaf.pair,
        not_after: leaf.not_after,
        generation: if issued_anew { held.generation.max(0) + 1 } else { held.generation.max(1) },
        rotated: wanted.rotate.map(str::to_owned),
        due: leaf.due.min(authority_due),
    })
}

#[cfg(test)]
mod tests;
