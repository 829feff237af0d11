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
}
