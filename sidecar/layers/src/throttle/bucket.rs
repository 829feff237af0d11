//! Token buckets by the generic cell rate algorithm (ITU-T I.371): a bucket is one instant, the time at
//! which it will be full. Bounded in number; only full buckets are forgotten.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Rate, client::Client};

/// Buckets kept at once. A bucket is about 50 bytes, so all of them are about 3 MiB.
const CAPACITY: usize = 65_536;

/// Each shard has its own lock; a shard's sweep is short enough to do under it.
const SHARDS: usize = 16;

/// A full shard looks for full buckets at most this often, however many new clients come.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Every client's bucket.
#[derive(Debug)]
pub(super) struct Buckets {
    rate: Rate,
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
}

#[derive(Debug)]
struct Shard {
    full_at: HashMap<Client, Instant>,
    capacity: usize,
    /// The bucket that clients share while the shard is full of others' buckets.
    overflow: Instant,
    swept: Instant,
}

/// A request's place in its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Turn {
    /// Time until there is a token; zero when there is one now.
    pub(super) wait: Duration,
}

impl Buckets {
    pub(super) fn new(rate: Rate) -> Self {
        Self::with_capacity(rate, CAPACITY)
    }

    fn with_capacity(rate: Rate, capacity: usize) -> Self {
        let now = Instant::now();
        Self {
            rate,
            shards: std::array::from_fn(|_| {
                Mutex::new(Shard {
                    full_at: HashMap::new(),
                    capacity: capacity.div_ceil(SHARDS),
                    overflow: now,
                    swept: now,
                })
            }),
            hasher: RandomState::new(),
        }
    }

    /// The same buckets with the same tokens, at another rate.
    pub(super) fn at_rate(&self, rate: Rate) -> Self {
        let now = Instant::now();
        let convert = |full_at: Instant| converted(full_at, now, self.rate, rate);
        // The same hasher, so that each bucket stays in its shard.
        let shards = std::array::from_fn(|shard| {
            let shard = self.shards[shard].lock();
            let buckets = shard.full_at.iter().filter(|(_, full_at)| **full_at > now);
            Mutex::new(Shard {
                full_at: buckets.map(|(client, full_at)| (*client, convert(*full_at))).collect(),
                capacity: shard.capacity,
                overflow: convert(shard.overflow),
                swept: now,
            })
        });
        Self { rate, shards, hasher: self.hasher.clone() }
    }

    /// Takes a token of `client` if its turn comes within `patience`. A turn that does not is told, and
    /// takes nothing.
    pub(super) fn take(&self, client: Client, patience: Duration) -> Turn {
        // The remainder is below the number of shards, so it fits.
        #[expect(clippy::cast_possible_truncation)]
        let shard = (self.hasher.hash_one(client) % SHARDS as u64) as usize;
        let mut shard = self.shards[shard].lock();
        let now = Instant::now();
        let full_at = shard.bucket(client, now, self.rate.fill());
        take(full_at, now, self.rate, patience)
    }
}

impl Shard {
    fn bucket(&mut self, client: Client, now: Instant, fill: Duration) -> &mut Instant {
        let known = self.full_at.contains_key(&client);
        if !known && self.full_at.len() >= self.capacity {
            if now.duration_since(self.swept) >= fill.min(SWEEP_INTERVAL) {
                self.full_at.retain(|_, full_at| *full_at > now);
                self.swept = now;
            }
            if self.full_at.len() >= self.capacity {
                return &mut self.overflow;
            }
        }
        // A client that shared the overflow until now does not gain by getting its own bucket.
        self.full_at.entry(client).or_insert(self.overflow)
    }
}

/// The time at which a bucket will be full that holds as many tokens at another rate; one that is full stays full.
fn converted(full_at: Instant, now: Instant, from: Rate, to: Rate) -> Instant {
    let until_full = full_at.saturating_duration_since(now);
    if until_full.is_zero() {
        return now;
    }
    // Times stand for tokens: one interval each. Below a second and 10^6 tokens, so the product is far from its bound.
    let missing = until_full.as_nanos() * to.interval().as_nanos() / from.interval().as_nanos();
    let missing = Duration::from_nanos(u64::try_from(missing).unwrap_or(u64::MAX / 2));
    let old_burst = to.interval().saturating_mul(from.burst());
    now + (missing + to.fill()).saturating_sub(old_burst)
}

/// One step of the algorithm.
fn take(full_at: &mut Instant, now: Instant, rate: Rate, patience: Duration) -> Turn {
    let after = (*full_at).max(now) + rate.interval();
    let wait = after.saturating_duration_since(now + rate.fill());
    if wait <= patience {
        *full_at = after;
    }
    Turn { wait }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate::new(NonZeroU32::new(per_second).unwrap(), NonZeroU32::new(burst).unwrap())
    }

    fn token(number: u32) -> Client {
        let mut half = [0; 16];
        half[..4].copy_from_slice(&number.to_le_bytes());
        Client::Token(half)
    }

    fn passes(buckets: &Buckets, client: Client) -> bool {
        buckets.take(client, NOW).wait.is_zero()
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_holds_its_burst_and_flows_at_its_rate() {
        let buckets = Buckets::new(rate(10, 3));
        for _ in 0..3 {
            assert!(passes(&buckets, token(1)));
        }
        assert_eq!(buckets.take(token(1), NOW).wait, Duration::from_millis(100));
        assert!(passes(&buckets, token(2)), "another client has its own bucket");
        tokio::time::advance(Duration::from_millis(99)).await;
        assert!(!passes(&buckets, token(1)));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(passes(&buckets, token(1)));
        assert!(!passes(&buckets, token(1)));
        tokio::time::advance(Duration::from_secs(3600)).await;
        let after_a_pause = (0..10).filter(|_| passes(&buckets, token(1))).count();
        assert_eq!(after_a_pause, 3, "no more than the burst is saved");
    }

    #[tokio::test(start_paused = true)]
    async fn patience_buys_turns_in_order() {
        let buckets = Buckets::new(rate(1, 1));
        let patience = Duration::from_millis(2500);
        let waits: Vec<_> = (0..4).map(|_| buckets.take(token(1), patience).wait.as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 3], "the fourth is told, and takes nothing");
        assert_eq!(buckets.take(token(1), patience).wait.as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn many_clients_are_bounded_and_nobody_gains_by_being_forgotten() {
        let buckets = Buckets::with_capacity(rate(1, 2), SHARDS * 4);
        let kept = |buckets: &Buckets| -> usize {
            buckets.shards.iter().map(|shard| shard.lock().full_at.len()).sum()
        };
        for round in 0..3 {
            let passed: usize =
                (0..1000).map(|n| (0..3).filter(|_| passes(&buckets, token(n))).count()).sum();
            assert!(kept(&buckets) <= SHARDS * 4);
            if round == 0 {
                // Each kept bucket gave its burst of 2, and so did each shard's shared one.
                assert_eq!(passed, SHARDS * 4 * 2 + SHARDS * 2);
            } else {
                assert_eq!(passed, 0, "a client that comes back finds its bucket as it left it");
            }
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        let passed = (2000..3000).filter(|n| passes(&buckets, token(*n))).count();
        assert!(passed >= SHARDS * 4, "full buckets made room: {passed}");
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_are_kept_when_the_rate_changes() {
        // Three of five tokens are taken; a sixth waits in vain, so takes nothing.
        let used = |count: u32| {
            let buckets = Buckets::new(rate(10, 5));
            assert_eq!((0..count).filter(|_| passes(&buckets, token(1))).count(), 5.min(count) as usize);
            buckets
        };
        for (taken, to, left) in [
            (0, rate(1, 2), 2),
            (3, rate(1, 5), 2),
            (3, rate(1000, 5), 2),
            (3, rate(10, 100), 2),
            (3, rate(10, 1), 1),
            (5, rate(10, 100), 0),
            (6, rate(1000, 1), 0),
        ] {
            let buckets = used(taken).at_rate(to);
            let passed = (0..10).filter(|_| passes(&buckets, token(1))).count();
            assert_eq!(passed, left, "{taken} taken, then {to:?}");
        }
        let buckets = used(5).at_rate(rate(1, 5));
        assert_eq!(
            buckets.take(token(1), NOW).wait,
            Duration::from_secs(1),
            "the next comes at the new rate"
        );
        // Turns that were promised are waited for: three tokens are owed.
        let buckets = used(5);
        for _ in 0..3 {
            buckets.take(token(1), Duration::from_secs(1));
        }
        assert_eq!(buckets.at_rate(rate(1, 5)).take(token(1), NOW).wait, Duration::from_secs(4));
    }
}
