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
mod held;
mod inspect;
mod issue;
pub mod layout;
mod leaf;
mod pair;
mod time;

use jiff::Timestamp;

pub use authority::{Authorities, Next};
pub use chain::{Examined, Flaw, examine};
pub use held::{Held, Published, Retired, Wanted};
pub use inspect::{Inspected, inspect, signed_by};
pub use pair::{Pair, PkiError};

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
