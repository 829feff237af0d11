//! Which archived entries lead from a backup to a revision, without a gap. Pure.

/// An object of archived entries, by the sequences of its first and its last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Piece {
    /// Of the first entry; at least 1.
    pub first: u64,
    /// Of the last entry; not before the first.
    pub last: u64,
}

/// How far a restore is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upto {
    /// To this revision.
    Revision(u64),
    /// As far as there is anything.
    Latest,
}

/// Entries that nothing holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Of the first of them.
    pub first: u64,
    /// Of the last of them.
    pub last: u64,
}

/// The pieces that hold all entries behind the sequence `behind`, in order. Pieces may overlap: two archivers may have been
/// at work at once.
///
/// # Errors
/// Names the first gap. For [`Upto::Latest`] there is one only where something lies behind it: then it is not for the
/// program to decide what is given up.
pub fn chain(pieces: &[Piece], behind: u64, upto: Upto) -> Result<Vec<Piece>, Missing> {
    let end = match upto {
        Upto::Revision(revision) => revision,
        Upto::Latest => pieces.iter().map(|piece| piece.last).max().unwrap_or(behind),
    };
    let (mut chosen, mut held) = (Vec::new(), behind);
    while held < end {
        let next = held + 1;
        let holders = pieces.iter().filter(|piece| piece.first <= next && piece.last >= next);
        let Some(longest) = holders.max_by_key(|piece| piece.last) else {
            let following = pieces.iter().map(|piece| piece.first).filter(|first| *first > next).min();
            let last = following.map_or(end, |first| (first - 1).min(end));
            return Err(Missing { first: next, last });
        };
        chosen.push(*longest);
        held = longest.last;
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces(ranges: &[(u64, u64)]) -> Vec<Piece> {
        ranges.iter().map(|(first, last)| Piece { first: *first, last: *last }).collect()
    }

    #[test]
    fn a_gap_is_named_where_it_matters() {
        let held = pieces(&[(1, 4), (5, 9), (12, 20)]);
        for (behind, upto, expected) in [
            (0, Upto::Revision(0), Ok(vec![])),
            (0, Upto::Revision(4), Ok(vec![(1, 4)])),
            (2, Upto::Revision(5), Ok(vec![(1, 4), (5, 9)])),
            (9, Upto::Revision(10), Err((10, 10))),
            (3, Upto::Revision(11), Err((10, 11))),
            (3, Upto::Revision(15), Err((10, 11))),
            (3, Upto::Latest, Err((10, 11))),
            (11, Upto::Latest, Ok(vec![(12, 20)])),
            (20, Upto::Latest, Ok(vec![])),
            (25, Upto::Latest, Ok(vec![])),
            (19, Upto::Revision(22), Err((21, 22))),
        ] {
            let expected =
                expected.map(|ranges| pieces(&ranges)).map_err(|(first, last)| Missing { first, last });
            assert_eq!(chain(&held, behind, upto), expected, "{behind} {upto:?}");
        }
    }

    proptest! {
        #[test]
        fn a_chain_holds_every_entry_or_the_first_one_that_is_missing_is_named(
            ranges in prop::collection::vec((1..40_u64, 0..9_u64), 0..12),
            behind in 0..40_u64,
            upto in 0..50_u64,
        ) {
            let held: Vec<Piece> =
                ranges.iter().map(|(first, more)| Piece { first: *first, last: first + more }).collect();
            let is_held = |sequence: u64| held.iter().any(|piece| (piece.first..=piece.last).contains(&sequence));
            let first_missing = (behind + 1..=upto).find(|sequence| !is_held(*sequence));
            match chain(&held, behind, Upto::Revision(upto)) {
                Ok(chosen) => {
                    prop_assert_eq!(first_missing, None);
                    let mut at = behind;
                    for piece in chosen {
                        prop_assert!(piece.first <= at + 1 && piece.last > at);
                        at = piece.last;
                    }
                    prop_assert!(at >= upto || upto <= behind);
                }
                Err(Missing { first, last }) => {
                    prop_assert_eq!(first_missing, Some(first));
                    prop_assert!((first..=last).all(|sequence| !is_held(sequence)));
                }
            }
        }
    }
}
