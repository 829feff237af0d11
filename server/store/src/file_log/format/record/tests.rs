//! The codec against itself, for any record, and against any damage.

use bytes::Bytes;
use proptest::prelude::*;

use super::{MediaTypes, decode, encode};
use crate::{
    Change, Effect, LogEntry, Record, Remembered,
    file_log::format::{BATCH_HEADER, Frame, frame, seal},
};

prop_compose! {
    fn blob(least: usize, most: usize)(bytes in prop::collection::vec(any::<u8>(), least..most)) -> Bytes {
        Bytes::from(bytes)
    }
}

fn effect() -> impl Strategy<Value = Effect> {
    let media_type = prop::option::of(".{0,40}".prop_map(|name| name.as_str().into()));
    prop_oneof![
        (blob(0, 600), media_type, any::<Option<u64>>())
            .prop_map(|(value, media_type, expires_ms)| Effect::Put { value, media_type, expires_ms }),
        Just(Effect::Delete),
        Just(Effect::Expire),
    ]
}

prop_compose! {
    fn remembered()(
        id in blob(1, 255),
        fingerprint: [u8; 16],
        existed in prop::collection::vec(any::<bool>(), 0..20),
    ) -> Box<Remembered> {
        Box::new(Remembered { id, fingerprint, existed: existed.into() })
    }
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let change = || (blob(1, 80), effect()).prop_map(|(key, effect)| Change { key, effect });
    // Mostly one change, sometimes several, sometimes none.
    let changes = prop_oneof![
        3 => change().prop_map(|change| vec![change]),
        1 => prop::collection::vec(change(), 0..5),
    ];
    let record = (any::<u64>(), changes, prop::option::weighted(0.2, remembered())).prop_map(
        |(written_ms, changes, remembered)| Record { written_ms, changes: changes.into(), remembered },
    );
    prop::collection::vec(record, 1..20)
}

fn batch(first: u64, salt: u32, records: &[Record]) -> Vec<u8> {
    let mut bytes = vec![0; BATCH_HEADER];
    for (record, sequence) in records.iter().zip(first..) {
        encode(&mut bytes, sequence, record);
    }
    seal(&mut bytes, salt, first, first - 1, u32::try_from(records.len()).unwrap());
    bytes
}

proptest! {
    #[test]
    fn a_batch_comes_back_byte_for_byte(records in records(), first in 1..u64::MAX / 2, salt: u32) {
        let bytes = batch(first, salt, &records);
        let Frame::Batch(found) = frame(&bytes, bytes.len() as u64, salt) else {
            return Err(TestCaseError::fail("no batch"));
        };
        prop_assert_eq!((found.first_sequence, found.durable), (first, first - 1));
        prop_assert_eq!(found.count as usize, records.len());
        let mut payload = Bytes::from(bytes).slice(BATCH_HEADER..);
        let mut media_types = MediaTypes::default();
        for (record, sequence) in records.into_iter().zip(first..) {
            let entry = decode(&mut payload, sequence, &mut media_types).unwrap();
            prop_assert_eq!(entry, LogEntry { sequence, record });
        }
        prop_assert!(payload.is_empty());
    }

    #[test]
    fn no_flipped_bit_and_no_other_salt_passes(records in records(), salt: u32, at: prop::sample::Index) {
        let bytes = batch(1, salt, &records);
        let bit = at.index(bytes.len() * 8);
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!matches!(frame(&damaged, damaged.len() as u64, salt), Frame::Batch(_)));
        prop_assert!(!matches!(frame(&bytes, bytes.len() as u64, salt ^ 1), Frame::Batch(_)));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in blob(0, 400), sequence: u64) {
        let mut payload = bytes.clone();
        if let Ok(entry) = decode(&mut payload, sequence, &mut MediaTypes::default()) {
            prop_assert_eq!(entry.sequence, sequence);
            prop_assert!(payload.len() < bytes.len());
        }
    }
}
