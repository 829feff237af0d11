//! Filled in bulk, an index is what it is when every change is applied.

use bytes::Bytes;
use proptest::prelude::*;

use super::Filling;
use crate::{
    Change, Effect, LogEntry, LogUsage, Record, Remembered,
    store::{KeyRange, entry::Packed, history::EVENTS, index::Index},
};

const MEMORY: u64 = 1 << 30;

/// Few keys, so that they meet again, of different lengths.
fn in_any_order() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(("(|p|prefix-)[a-d]{1,3}".prop_map(Bytes::from), effect()), 1..600)
        .prop_map(|changes| changes.into_iter().map(|(key, effect)| Change { key, effect }).collect())
}

/// Keys that come in order, as those of a snapshot do, and now and then something else happens to one of them.
fn mostly_in_order() -> impl Strategy<Value = Vec<Change>> {
    let others =
        prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), effect()), 0..40);
    (1..1500_u32, others).prop_map(|(count, others)| {
        let put = Effect::Put { value: Bytes::from_static(b"value"), media_type: None, expires_ms: None };
        let key = |number: usize| Bytes::from(format!("key-{number:09}"));
        let mut changes: Vec<Change> =
            (0..count as usize).map(|number| Change { key: key(2 * number), effect: put.clone() }).collect();
        for (at, which, effect) in others {
            let key = key(which.index(2 * count as usize));
            changes.insert(at.index(changes.len()), Change { key, effect });
        }
        changes
    })
}

fn effect() -> impl Strategy<Value = Effect> {
    let put = (prop::option::weighted(0.2, 1..9_u64), prop::option::weighted(0.2, Just("text/x")), ".{0,9}");
    prop_oneof![
        6 => put.prop_map(|(expires_ms, media_type, value)| Effect::Put {
            value: Bytes::from(value),
            media_type: media_type.map(Into::into),
            expires_ms,
        }),
        1 => Just(Effect::Delete),
        1 => Just(Effect::Expire),
    ]
}

/// Records of one change, or of several.
fn log() -> impl Strategy<Value = Vec<LogEntry>> {
    (prop_oneof![in_any_order(), mostly_in_order()], prop::bool::weighted(0.3)).prop_map(
        |(changes, several)| {
            let records = changes.chunks(if several { 3 } else { 1 }).map(|changes| {
                let mut record = Record { written_ms: 7, changes: changes.into(), remembered: None };
                // A record changes a key once.
                record.changes.sort_by(|a, b| a.key.cmp(&b.key));
                record.changes.dedup_by(|a, b| a.key == b.key);
                if changes.len() == 3 {
                    let (id, existed) = (changes[0].key.clone(), [true].into());
                    record.remembered = Some(Box::new(Remembered { id, fingerprint: [1; 16], existed }));
                }
                record
            });
            (1..).zip(records).map(|(sequence, record)| LogEntry { sequence, record }).collect()
        },
    )
}

/// Everything that is to be seen of an index.
fn seen(index: &Index) -> impl PartialEq + std::fmt::Debug + use<> {
    let (ordered, hash, due, requests) = index.sequenced(|sequenced| {
        let everything = KeyRange::all();
        let all = sequenced.ordered.range(everything.bounds());
        let ordered: Vec<_> = all.map(|entry| (entry.key_bytes(), entry.entry())).collect();
        let due: Vec<_> =
            sequenced.deadlines.due(u64::MAX, usize::MAX).iter().map(Packed::key_bytes).collect();
        (ordered, sequenced.hash, due, sequenced.requests.records())
    });
    let found: Vec<_> = ordered.iter().map(|(key, _)| index.find(key, Packed::revision)).collect();
    (ordered, found, hash, due, requests, index.keys(), index.memory_bytes(), index.last_revision())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn filled_in_bulk_it_is_what_single_changes_make(
        log in log(),
        chunk in 1..200_usize,
        recent in prop_oneof![Just(0), 0..100_u64],
        log_bytes in prop::option::of(0..1_u64 << 20),
    ) {
        let applied = Index::new(MEMORY);
        applied.apply_all(&log);
        // The log is said to go on, so that not all of this is recent.
        let last = log.len() as u64 + (EVENTS as u64).saturating_sub(recent);
        let usage = log_bytes.map(|bytes| LogUsage { bytes, compacted: 0 });
        let mut filling = Filling::new(MEMORY, last, usage);
        for entries in log.chunks(chunk) {
            filling.replay(entries);
        }
        prop_assert_eq!(seen(&filling.end()), seen(&applied));
    }
}
