//! How often keys were asked for of late, roughly, and also those that are not (any more) stored: a
//! count-min sketch (as in TinyLFU; Einziger et al., ACM ToS 2017) of four-bit counts on a scale that gets
//! coarser upwards (Morris, CACM 1978), so that it tells a large answer that is asked for all the time from
//! one that is asked for now and then.
//!
//! In place of a list of ghosts: a few words for each entry, however many keys pass by.

/// The scale: every second step doubles.
const SCALE: [u16; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192];
/// The lowest bit of each count in a word.
const ONES: u64 = 0x1111_1111_1111_1111;
/// Words for each entry, at least; at most twice as many.
const WORDS_AN_ENTRY: usize = 2;
/// The least number of words.
const LEAST_WORDS: usize = 32;
/// One for each of the four counts of a key.
const ROWS: [u64; 4] =
    [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f, 0x1656_67b1_9e37_79f9, 0xd6e8_feb8_6659_fd93];

/// The sketch.
#[derive(Debug)]
pub(super) struct Sketch {
    /// A power of two of them.
    words: Vec<u64>,
}

impl Sketch {
    /// Bytes for each entry, on average.
    pub(super) const ENTRY: usize = 3 * WORDS_AN_ENTRY * size_of::<u64>() / 2;

    pub(super) fn new() -> Self {
        Self { words: vec![0; LEAST_WORDS] }
    }

    /// How often the key with this fingerprint was asked for.
    pub(super) fn estimate(&self, fingerprint: u64) -> u16 {
        let steps = ROWS.map(|row| {
            let (word, shift) = self.at(fingerprint, row);
            (self.words[word] >> shift) & 15
        });
        steps.into_iter().min().and_then(|step| SCALE.get(usize::try_from(step).ok()?)).copied().unwrap_or(0)
    }

    /// Notes that the key was asked for `times`, where less is known. Between two steps `random` decides.
    pub(super) fn raise(&mut self, fingerprint: u64, times: u16, random: u64) {
        let above = SCALE.partition_point(|step| *step <= times);
        let step = match SCALE.get(above) {
            Some(upper) => {
                let lower = SCALE[above - 1];
                above - 1 + usize::from(random % u64::from(upper - lower) < u64::from(times - lower))
            }
            None => SCALE.len() - 1,
        };
        for row in ROWS {
            let (word, shift) = self.at(fingerprint, row);
            let known = (self.words[word] >> shift) & 15;
            self.words[word] += (step as u64).saturating_sub(known) << shift;
        }
    }

    /// Halves every count: two steps down, of the lowest four to the half of their number.
    pub(super) fn halve(&mut self) {
        for word in &mut self.words {
            let high = ((*word >> 2) | (*word >> 3)) & ONES;
            let low = *word & !(high * 15);
            *word = (*word - low - (high << 1)) | ((low >> 1) & ONES);
        }
    }

    /// Grows with the number of entries, and shrinks when they are far fewer. Growth forgets nothing.
    pub(super) fn fit(&mut self, entries: usize) {
        let words = entries * WORDS_AN_ENTRY;
        if words > self.words.len() {
            self.words.reserve_exact(self.words.len());
            self.words.extend_from_within(..);
        } else if self.words.len() > LEAST_WORDS && words < self.words.len() / 4 {
            self.words = vec![0; self.words.len() / 2];
        }
    }

    /// The word of one of a key's counts, and where in it that is.
    fn at(&self, fingerprint: u64, row: u64) -> (usize, u64) {
        let mixed = (fingerprint ^ row).wrapping_mul(row);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(ROWS[0]);
        let mixed = mixed ^ (mixed >> 29);
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
        let word = mixed as usize & (self.words.len() - 1);
        (word, (mixed >> 60) * 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_what_was_told_or_a_little_more_and_survives_growth() {
        let told = |key: u64| SCALE[usize::try_from(key % 16).unwrap()];
        let mut sketch = Sketch::new();
        for entries in 1..=1000_u64 {
            sketch.fit(usize::try_from(entries).unwrap());
            sketch.raise(entries, told(entries), 0);
        }
        assert!((1..=1000).all(|key| sketch.estimate(key) >= told(key)));
        let exact = (1..=1000).filter(|key| sketch.estimate(*key) == told(*key)).count();
        assert!(exact > 900, "{exact}");
        let unknown = (1_000_000..1_001_000).filter(|other| sketch.estimate(*other) == 0).count();
        assert!(unknown > 900, "{unknown}");
    }

    #[test]
    fn every_count_is_halved() {
        for (step, times) in SCALE.into_iter().enumerate() {
            let mut sketch = Sketch { words: vec![step as u64 * ONES; LEAST_WORDS] };
            assert_eq!(sketch.estimate(1), times);
            sketch.halve();
            assert_eq!(sketch.estimate(1), times / 2);
        }
    }

    #[test]
    fn what_is_between_two_steps_is_right_on_average() {
        let sum: u32 = (0..1000_u64)
            .map(|random| {
                let mut sketch = Sketch::new();
                sketch.raise(1, 50, random);
                u32::from(sketch.estimate(1))
            })
            .sum();
        assert!((49_500..50_500).contains(&sum), "{sum}");
        let mut sketch = Sketch::new();
        sketch.raise(1, u16::MAX, 0);
        assert_eq!(sketch.estimate(1), 192, "the most");
        sketch.raise(1, 3, 0);
        assert_eq!(sketch.estimate(1), 192, "more is known");
    }

    #[test]
    fn it_is_as_large_as_the_entries_are_many() {
        let mut sketch = Sketch::new();
        (0..5000).for_each(|entries| sketch.fit(entries));
        assert_eq!(sketch.words.len(), 16_384);
        (0..20).for_each(|_| sketch.fit(100));
        assert_eq!(sketch.words.len(), 512);
    }
}
