//! The inputs: what the cluster holds of a store's certificate, and what is wanted of it.

use std::time::Duration;

use jiff::Timestamp;

use super::pair::Pair;

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
