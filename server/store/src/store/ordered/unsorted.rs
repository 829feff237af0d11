//! Keys that are still to be sorted.
//!
//! What is sorted are the bytes behind what all keys have in common, eight at once: to look into each entry's own memory
//! at each comparison is what a sort of a million entries would spend its time on.

use super::Packed;

/// How many entries are looked at together: first all their keys, and then their counts of references, since to count
/// waits for the memory of all that came before.
const TOGETHER: usize = 256;

/// Entries of different keys, in any order.
#[derive(Default)]
pub(in crate::store) struct Unsorted {
    /// What all keys that were seen begin with; `None` before the first.
    common: Option<Vec<u8>>,
    headed: Vec<(u64, Packed)>,
}

impl Unsorted {
    /// Looks at a key that may be taken later. Each one that is taken has to be seen before the first one is.
    pub(in crate::store) fn see(&mut self, key: &[u8]) {
        match &mut self.common {
            None => self.common = Some(key.to_owned()),
            Some(common) if key.starts_with(common) => {}
            Some(common) => {
                let same = common.iter().zip(key).take_while(|(one, other)| one == other).count();
                common.truncate(same);
            }
        }
    }

    /// Makes room for so many entries.
    pub(in crate::store) fn reserve(&mut self, entries: usize) {
        self.headed.reserve_exact(entries);
    }

    /// Takes entries whose keys were seen.
    pub(in crate::store) fn take<'a>(&mut self, mut entries: impl Iterator<Item = &'a Packed>) {
        let skip = self.common.as_ref().map_or(0, Vec::len);
        let (mut some, mut heads) = (Vec::with_capacity(TOGETHER), Vec::with_capacity(TOGETHER));
        loop {
            some.extend(entries.by_ref().take(TOGETHER));
            if some.is_empty() {
                return;
            }
            heads.extend(some.iter().map(|entry| head(entry.key(), skip)));
            self.headed.extend(heads.drain(..).zip(some.drain(..).cloned()));
        }
    }

    /// All of them in the order of their keys.
    pub(super) fn sorted(mut self) -> impl ExactSizeIterator<Item = Packed> {
        self.headed
            .sort_unstable_by(|(one, a), (other, b)| one.cmp(other).then_with(|| a.key().cmp(b.key())));
        self.headed.into_iter().map(|(_, entry)| entry)
    }
}

/// The eight bytes behind the first `skip` as a number of the same order; shorter keys are filled with zeros, and what
/// is equal then is told apart by the whole key.
fn head(key: &[u8], skip: usize) -> u64 {
    let rest = key.get(skip..).unwrap_or_default();
    rest.first_chunk().map_or_else(
        || (0..8).fold(0, |head, at| head << 8 | u64::from(rest.get(at).copied().unwrap_or(0))),
        |bytes| u64::from_be_bytes(*bytes),
    )
}
