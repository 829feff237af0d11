//! Which entry makes room: by how often it was asked for of late, and by what keeping it saves for its
//! size.
//!
//! A new entry is young at first: it stays while a twentieth of the room is enough for those that came
//! since. Then it has to be worth more than the least among a few others, taken at random, or goes (TinyLFU,
//! Einziger et al., ACM ToS 2017, with samples in place of lists). So a scan of keys that nobody asks for
//! twice pushes nothing out, and a burst finds what just came. How often a key was asked for outlasts its
//! entry in a sketch, and is worth the less the longer ago that was. A large answer is not even stored unless
//! it is worth what would make room for it.
//!
//! A hit only counts, it moves nothing: an entry is looked at when room is needed.
//!
//! Own code rather than moka: an entry must vanish in the same critical section that detaches its
//! flights, and the bound must hold at each moment; moka removes and evicts later, in the background.

mod rank;
mod sketch;
mod young;

pub(super) use self::rank::Rank;
use self::{rank::Place, sketch::Sketch, young::Young};

/// The share of the room for entries that came last: one part in twenty.
const YOUNG_SHARE: u64 = 20;
/// An answer is large that takes more than this part of their room.
const LARGE_SHARE: u64 = 8;
/// Entries among which the one of least worth makes room.
const SAMPLE: usize = 32;
/// Counts are halved after so many requests an entry. TinyLFU has ten; a longer memory tells seldom asked
/// keys apart, and patience is what lets go of those that are asked for no more.
const REQUESTS_AN_AGE: u64 = 25;
/// After so many requests an entry, one that was not asked for meanwhile is worth half as much.
const PATIENCE: u64 = 6;
/// The least number of entries that an age is for.
const LEAST_ENTRIES: usize = 16;
/// A load costs as much as so many bytes, whatever its length.
const LOAD: u64 = 64 << 10;

/// What an order ranks.
pub(super) trait Ranked {
    /// What the entry carries of the order.
    fn rank(&self) -> &Rank;
    /// Its bytes.
    fn weight(&self) -> u64;
}

/// The order of eviction.
#[derive(Debug)]
pub(super) struct Order<P> {
    young: Young<P>,
    young_room: u64,
    main: Vec<Item<P>>,
    sketch: Sketch,
    /// Requests since the counts were last halved, and how often they were.
    requests: u64,
    now: Now,
    random: u64,
}

#[derive(Debug)]
struct Item<P> {
    payload: P,
    fingerprint: u64,
    /// The request at which it was last seen to have been asked for.
    seen: u32,
    /// When its count was last brought up to date.
    age: u16,
    count: u16,
}

/// The present.
#[derive(Debug, Clone, Copy, Default)]
struct Now {
    /// Requests since the beginning.
    request: u32,
    /// How often counts were halved.
    age: u16,
    /// Requests in which an entry that is not asked for loses half of its worth.
    patience: u64,
}

impl<P: Ranked> Order<P> {
    /// The bytes that an entry in the order takes there: its item, with the room that a list has to spare,
    /// and its share of the sketch.
    pub(super) const ENTRY: usize = size_of::<Item<P>>() * 17 / 16 + Sketch::ENTRY;

    /// The order of entries with room for `room` bytes of them.
    pub(super) fn new(room: u64) -> Self {
        Self {
            young: Young::new(),
            young_room: room / YOUNG_SHARE,
            main: Vec::new(),
            sketch: Sketch::new(),
            requests: 0,
            now: Now::default(),
            random: 0x2545_f491_4f6c_dd1d,
        }
    }

    /// Has room for so many bytes from now on.
    pub(super) fn set_room(&mut self, room: u64) {
        self.young_room = room / YOUNG_SHARE;
    }

    /// Notes a request for an entry that is not there. False: it is not worth what would make room for it.
    /// `fits`: there is room. `fingerprint` is the same whenever the entry comes.
    pub(super) fn admits(&mut self, weight: u64, fingerprint: u64, fits: bool) -> bool {
        let count = self.sketch.estimate(fingerprint).saturating_add(1);
        let random = self.any();
        self.sketch.raise(fingerprint, count, random);
        self.grow_old(1);
        if fits {
            while self.young.weight > self.young_room
                && let Some(item) = self.young.pop()
            {
                self.settle(item);
            }
            return true;
        }
        let is_large = weight > self.young_room / LARGE_SHARE;
        !is_large || self.least().is_none_or(|(_, least)| worth(count, weight, 0, self.now) >= least)
    }

    /// Notes how often an entry was asked for whose place another takes, which is thereby worth as much.
    pub(super) fn recall(&mut self, payload: &P) {
        let item = match payload.rank().place() {
            Place::Gone => None,
            Place::Young(place) => self.young.get(place),
            Place::Main(index) => self.main.get_mut(index),
        };
        if let Some(item) = item {
            item.refresh(self.now);
            let (fingerprint, count) = (item.fingerprint, item.count);
            let random = self.any();
            self.sketch.raise(fingerprint, count, random);
        }
    }

    /// Adds an entry that was asked for. `hits`: those of other entries that were not told of yet.
    pub(super) fn insert(&mut self, payload: P, fingerprint: u64, hits: u64) {
        self.grow_old(hits);
        self.sketch.fit(self.len() + 1);
        let count = self.sketch.estimate(fingerprint);
        self.young.push(Item { payload, fingerprint, seen: self.now.request, age: self.now.age, count });
    }

    /// Takes an entry out that its owner removes.
    pub(super) fn remove(&mut self, payload: &P) {
        let item = match payload.rank().place() {
            Place::Gone => None,
            Place::Young(place) => self.young.remove(place),
            Place::Main(index) => Some(self.take(index)),
        };
        if let Some(item) = item {
            self.forget(item);
        }
    }

    /// Takes the entry out that is to make room. `None`: there is none.
    pub(super) fn evict(&mut self) -> Option<P> {
        let least = self.least();
        if self.young.weight <= self.young_room
            && let Some((index, _)) = least
        {
            let item = self.take(index);
            return Some(self.forget(item));
        }
        let mut oldest = self.young.pop()?;
        oldest.refresh(self.now);
        let out = match least {
            Some((index, least)) if oldest.worth(self.now) > least => {
                let out = self.take(index);
                self.settle(oldest);
                out
            }
            _ => oldest,
        };
        Some(self.forget(out))
    }

    fn len(&self) -> usize {
        self.young.len() + self.main.len()
    }

    fn grow_old(&mut self, requests: u64) {
        let entries = self.len().max(LEAST_ENTRIES) as u64;
        self.requests += requests;
        self.now.request = self.now.request.wrapping_add(u32::try_from(requests).unwrap_or(u32::MAX));
        self.now.patience = PATIENCE * entries;
        if self.requests >= REQUESTS_AN_AGE * entries {
            self.requests = 0;
            self.now.age = self.now.age.wrapping_add(1);
            self.sketch.halve();
        }
    }

    /// The entry of least worth among a few that are not young, and its worth.
    fn least(&mut self) -> Option<(usize, u64)> {
        let (length, now) = (self.main.len(), self.now);
        (0..SAMPLE.min(length))
            .map(|_| {
                #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
                let index = self.any() as usize % length;
                let item = &mut self.main[index];
                item.refresh(now);
                (index, item.worth(now))
            })
            .min_by_key(|(_, worth)| *worth)
    }

    /// Any number, by xorshift (Marsaglia, 2003): to be unpredictable is of no use here.
    fn any(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    /// An entry is not young any more.
    fn settle(&mut self, item: Item<P>) {
        item.payload.rank().set_main(self.main.len());
        if self.main.len() == self.main.capacity() {
            self.main.reserve_exact(growth(self.main.len()));
        }
        self.main.push(item);
    }

    fn take(&mut self, index: usize) -> Item<P> {
        let item = self.main.swap_remove(index);
        if let Some(moved) = self.main.get(index) {
            moved.payload.rank().set_main(index);
        }
        let enough = self.main.len() + growth(self.main.len());
        if self.main.capacity() > 2 * enough {
            self.main.shrink_to(enough);
        }
        item
    }

    /// An entry is out. How often it was asked for stays known.
    fn forget(&mut self, mut item: Item<P>) -> P {
        item.refresh(self.now);
        let random = self.any();
        self.sketch.raise(item.fingerprint, item.count, random);
        item.payload.rank().set_gone();
        item.payload
    }
}

impl<P: Ranked> Item<P> {
    /// Brings the count up to date.
    fn refresh(&mut self, now: Now) {
        let aged = self.count.checked_shr(now.age.wrapping_sub(self.age).into()).unwrap_or(0);
        let hits = u16::try_from(self.payload.rank().take_hits()).unwrap_or(u16::MAX);
        if hits > 0 {
            self.seen = now.request;
        }
        self.count = aged.saturating_add(hits);
        self.age = now.age;
    }

    fn worth(&self, now: Now) -> u64 {
        worth(self.count, self.payload.weight(), now.request.wrapping_sub(self.seen), now)
    }
}

/// What it saves to keep an entry, for each of its bytes: a load, each time it is asked for, which costs
/// something by itself and something for each byte. So of small entries those go first that are asked for
/// least often for their size, and of large ones those that are asked for least often. `idle`: requests for
/// others since it was asked for.
fn worth(count: u16, weight: u64, idle: u32, now: Now) -> u64 {
    /// Keeps what is lost by dividing small.
    const SCALE: u64 = 1 << 10;
    let load = LOAD.saturating_add(weight).saturating_mul(SCALE);
    let saved = u64::from(count).saturating_mul(load) / weight.max(1);
    saved.saturating_mul(now.patience) / (now.patience + u64::from(idle)).max(1)
}

/// How much longer a full list is made: so little that what is spare is not worth counting.
fn growth(length: usize) -> usize {
    length / 8 + 16
}

#[cfg(test)]
mod tests;
