//! The names of query parameters, and what they may be at most.

/// Of a list and a watch: keys that begin with these bytes.
pub const PREFIX: &str = "prefix";

/// Of a list and a watch: keys from this one on.
pub const START: &str = "start";

/// Of a list and a watch: keys before this one.
pub const END: &str = "end";

/// Of a list and a watch: `true` leaves the values out.
pub const KEYS_ONLY: &str = "keysOnly";

/// Of a list: how many keys a page has at most.
pub const LIMIT: &str = "limit";

/// Of a list: the next page, as the page before named it.
pub const CURSOR: &str = "cursor";

/// Of a list: `true` begins with the last key.
pub const REVERSE: &str = "reverse";

/// `true` makes a watch of a list.
pub const WATCH: &str = "watch";

/// Of a watch and of the log: the revision to go on behind.
pub const AFTER: &str = "after";

/// Of a PUT: how long the key is to live, as the field `Kivi-Ttl` says it.
pub const TTL: &str = "ttl";

/// What the collection of keys knows: the server refuses any other, and the document names each.
pub const OF_COLLECTION: [&str; 9] = [PREFIX, START, END, KEYS_ONLY, LIMIT, CURSOR, REVERSE, WATCH, AFTER];

/// What the log knows.
pub const OF_LOG: [&str; 1] = [AFTER];

/// The most keys of a page.
pub const MAX_LIMIT: u64 = 10_000;
