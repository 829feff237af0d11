//! The coalescing cache: one load a key, shared by all who ask meanwhile, and kept while it is fresh.
//!
//! A GET joins the load ("flight") that is in progress for its key, or begins one, as one that reloads always
//! does. The load is a task of its own: its leader's client may leave, and it ends when nobody is left.
//! Waiters wake when the headers are there and read the body as it comes in. What the headers say decides
//! whether others may have it, and for how long (RFC 9111); an answer for one request only goes to the one
//! that caused the load, and the others go on their own, at once. A failure is shared, and kept for a moment.
//! Every answer says in `Cache-Status` (RFC 9211) how it came about.
//!
//! After its freshness a stored answer may be served while one load refreshes it, or in place of a failure
//! (RFC 5861), but never after a write that it does not show was acknowledged.
//!
//! **With a time to live of zero the store behind stays linearizable:** a flight that began before a
//! write was acknowledged never answers a request that arrives after that.
//!
//! Tasks, locks, atomics and time limits are those of `crate::runtime`, in whose place a model (`tests/model`)
//! puts its own. A lock that is taken by another name is one that the model does not see.
//!
//! From the outside in:
//! - `layer`, `service`, `future`, `body`, `policy`, `error`, `metrics`, `trail`: the layer.
//! - `share`, `write`, `forward`: the three ways of a request; `fill`: the load; `rescue`: when it fails.
//! - `flight` around the pure `machine` and its `seats`: one load and its readers.
//! - `question`: what a load asks beside its answer, `validation`: that is whether what is stored is current.
//! - `control`: how a process steers it: another policy, a purge, the feed of changes of which `feed` is the state.
//! - `table` of `shard`s of `account`s, `stored` answers and their `weight` in an order of `eviction`, `writes`: the
//!   state; `found` in it.
//! - `express`: the short way of a plain GET, with a load that is `driven` by its leader,
//!   what that `exchanged`, and an answer that is `fetched`.
//! - `classify`, `key`, `directives`, `targeted` and its `dictionary`, `freshness`, `stale`, `wish`, `verdict`, `vary`, `conditional`, `range`,
//!   `location`, `head`, `guess`, `status`: decisions and texts, as functions of data.

mod account;
mod body;
mod classify;
mod conditional;
mod control;
mod dictionary;
mod directives;
mod driven;
mod error;
mod eviction;
mod exchanged;
mod express;
mod feed;
mod fetched;
mod fill;
mod flight;
mod forward;
mod found;
mod freshness;
mod future;
mod guess;
mod head;
mod key;
mod layer;
mod location;
mod machine;
mod metrics;
mod policy;
mod question;
mod range;
mod rescue;
mod seats;
mod service;
mod shard;
mod share;
mod stale;
mod status;
mod stored;
mod table;
mod targeted;
mod trail;
mod validation;
mod vary;
mod verdict;
mod weight;
mod wish;
mod write;
mod writes;

#[cfg(test)]
mod tests;

pub use body::CacheBody;
pub use control::{CacheControl, Purge, Purged};
pub use error::FillFailed;
pub use exchanged::Exchanged;
pub use express::{Expressed, Hit, NotFetched, PlainGet};
pub use feed::FeedState;
pub use fetched::Fetched;
pub use future::CacheFuture;
pub use guess::{is_guessed, without_guesses};
pub use layer::CacheLayer;
pub use metrics::CacheMetrics;
pub use policy::{CachePolicy, SplitBy};
pub use service::Cache;
pub use trail::CacheTrail;
