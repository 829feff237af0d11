//! The recovery rule, case by case: what is cut, what is refused, and what the refusal names.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::path::Path;

use kivi_store::{FileLog, LogEntry, LogError, OpenError, TransactionLog};

use self::support::{FIRST, MANIFEST, SEGMENT, disk::FakeDisk, files, log_on, record, replay, store_on};

/// A log of batches, and where each one ends in the first segment.
struct Written {
    disk: FakeDisk,
    ends: Vec<usize>,
    entries: Vec<LogEntry>,
}

const HEADER: usize = 64;
const BATCH_HEADER: usize = 28;

/// Three batches of some records each, closed in order.
async fn three_batches() -> Written {
    let disk = FakeDisk::default();
    let log = log_on(&disk).unwrap();
    let mut ends = Vec::new();
    let mut tail = 0;
    for batch in 0..3_u8 {
        let records: Vec<_> =
            (0..=batch).map(|n| record(&format!("key-{batch}-{n}"), &[batch + 1; 33])).collect();
        tail = log.append(0, tail, &records).await.unwrap();
        let size: usize = records.iter().map(|record| 28 + record.changes[0].key.len() + 33).sum();
        ends.push(ends.last().unwrap_or(&HEADER) + BATCH_HEADER + size);
    }
    let entries = replay(&log, 0).await.unwrap();
    assert_eq!(entries.len(), 6);
    close(&log).await;
    Written { disk, ends, entries }
}

async fn close(log: &FileLog) {
    log.close().await.unwrap();
}

/// Changes the first segment.
fn damage(disk: &FakeDisk, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = disk.bytes(FIRST);
    change(&mut bytes);
    disk.set(FIRST, bytes);
}

/// The error of opening the store, which reads the whole log.
async fn refusal(disk: &FakeDisk) -> LogError {
    match store_on(disk).await {
        Ok(_) => panic!("it opened"),
        Err(OpenError::Log(error)) => error,
        Err(error) => panic!("{error}"),
    }
}

fn is_corrupt(error: &LogError, at: usize) -> bool {
    matches!(error, LogError::Corrupt { file, offset, .. }
        if file == &Path::new("/disk").join(FIRST) && *offset == at as u64)
}

#[tokio::test]
async fn zeros_behind_the_last_batch_are_the_clean_end() {
    let written = three_batches().await;
    assert_eq!(written.disk.bytes(FIRST).len() as u64, SEGMENT);
    let log = log_on(&written.disk).unwrap();
    assert_eq!(replay(&log, 0).await.unwrap(), written.entries);
    assert_eq!(replay(&log, 4).await.unwrap(), written.entries[4..]);
    assert_eq!(replay(&log, 6).await.unwrap(), []);
    assert_eq!(written.disk.names(), [FIRST, MANIFEST]);
}

#[tokio::test]
async fn a_tail_torn_at_any_byte_of_the_last_batch_is_cut_and_kept() {
    let Written { disk, ends, entries } = three_batches().await;
    let whole = disk.bytes(FIRST);
    for cut in ends[1]..ends[2] {
        let disk = disk.copy();
        damage(&disk, |bytes| bytes[cut..].fill(0));
        let log = log_on(&disk).unwrap();
        assert_eq!(replay(&log, 0).await.unwrap(), entries[..3], "cut at {cut}");
        let torn = format!("{FIRST}.torn-{}", ends[1]);
        let left = whole[ends[1]..cut].iter().rposition(|byte| *byte != 0);
        match left {
            None => assert_eq!(disk.names(), [FIRST, MANIFEST], "cut at {cut}"),
            Some(last) => assert_eq!(disk.bytes(&torn), whole[ends[1]..=ends[1] + last], "cut at {cut}"),
        }
        assert_eq!(log.append(0, 3, &[record("next", b"x")]).await, Ok(4), "cut at {cut}");
        close(&log).await;
        let again = replay(&log_on(&disk).unwrap(), 0).await.unwrap();
        assert_eq!((again.len(), again[3].sequence), (4, 4), "cut at {cut}");
    }
}

#[tokio::test]
async fn a_segment_that_lost_its_end_is_refused_whatever_was_there() {
    let Written { disk, ends, .. } = three_batches().await;
    // It was made whole, durably: no crash makes it shorter.
    for length in
        (HEADER..disk.bytes(FIRST).len()).filter(|length| *length < ends[2] + 99 || length % 999 == 0)
    {
        let disk = disk.copy();
        damage(&disk, |bytes| bytes.truncate(length));
        let error = refusal(&disk).await;
        let good = ends.iter().rfind(|end| **end <= length).unwrap_or(&HEADER);
        // A mark stands behind the last batch.
        let good = if length >= ends[2] + BATCH_HEADER { ends[2] + BATCH_HEADER } else { *good };
        assert!(is_corrupt(&error, good), "{length} bytes: {error}");
        assert_eq!(disk.bytes(FIRST).len(), length, "nothing is changed");
    }
}

#[tokio::test]
async fn a_second_torn_tail_at_one_place_keeps_the_first_copy() {
    let Written { disk, ends, .. } = three_batches().await;
    let torn = format!("{FIRST}.torn-{}", ends[2]);
    for fill in [0xaa, 0xbb] {
        damage(&disk, |bytes| bytes[ends[2]..ends[2] + 100].fill(fill));
        close(&log_on(&disk).unwrap()).await;
    }
    assert_eq!(disk.bytes(&torn), [0xaa; 100]);
    assert_eq!(disk.bytes(&format!("{torn}-2")), [0xbb; 100]);
}

#[tokio::test]
async fn any_flipped_bit_of_a_batch_that_a_later_one_proves_durable_is_refused() {
    let Written { disk, ends, .. } = three_batches().await;
    for at in HEADER..ends[1] {
        let disk = disk.copy();
        damage(&disk, |bytes| bytes[at] ^= 1 << (at % 8));
        let error = refusal(&disk).await;
        let batch = if at < ends[0] { HEADER } else { ends[0] };
        assert!(is_corrupt(&error, batch), "byte {at}: {error}");
        assert!(disk.names() == [FIRST, MANIFEST], "nothing is cut");
    }
}

#[tokio::test]
async fn a_flipped_bit_of_the_very_last_batch_is_refused_after_an_orderly_close() {
    let Written { disk, ends, .. } = three_batches().await;
    damage(&disk, |bytes| bytes[ends[2] - 1] ^= 1);
    let error = refusal(&disk).await;
    assert!(is_corrupt(&error, ends[1]), "{error}");
    assert!(error.to_string().contains("proves that sequence 4 was durable"), "{error}");
}

#[tokio::test]
async fn a_lost_sector_in_the_middle_is_refused_though_it_looks_like_the_end() {
    let Written { disk, ends, .. } = three_batches().await;
    damage(&disk, |bytes| bytes[ends[0]..ends[1]].fill(0));
    let error = refusal(&disk).await;
    assert!(is_corrupt(&error, ends[0]), "{error}");
}

#[tokio::test]
async fn valid_batches_behind_a_hole_that_prove_nothing_are_cut_with_it() {
    // Written without syncs, so that no batch proves the one before.
    let disk = FakeDisk::default();
    let log = FileLog::open_in(std::sync::Arc::new(disk.clone()), support::options(kivi_store::Sync::Never))
        .unwrap();
    for tail in 0..3 {
        log.append(0, tail, &[record("k", &[7; 100])]).await.unwrap();
    }
    let image = disk.copy();
    let batch = BATCH_HEADER + 28 + 1 + 100;
    damage(&image, |bytes| bytes[HEADER + batch..HEADER + 2 * batch].fill(0));
    let log = log_on(&image).unwrap();
    assert_eq!(replay(&log, 0).await.unwrap().len(), 1);
    let kept = image.bytes(&format!("{FIRST}.torn-{}", HEADER + batch));
    assert_eq!(kept.len(), 2 * batch, "the hole and the batch behind it");
}

#[tokio::test]
async fn a_missing_or_repeated_batch_is_a_gap() {
    let Written { disk, ends, .. } = three_batches().await;
    let missing = disk.copy();
    damage(&missing, |bytes| drop(bytes.drain(HEADER..ends[0])));
    let error = refusal(&missing).await;
    assert!(
        matches!(&error, LogError::Gap { offset: 64, expected: 1, found: 2, file } if file.ends_with(FIRST)),
        "{error}"
    );
    damage(&disk, |bytes| {
        let first = bytes[HEADER..ends[0]].to_vec();
        bytes[ends[2]..ends[2] + first.len()].copy_from_slice(&first);
    });
    let error = refusal(&disk).await;
    assert!(matches!(&error, LogError::Gap { expected: 7, found: 1, .. }), "{error}");
    assert!(error.to_string().contains(&format!("at byte {}", ends[2])), "{error}");
}

#[tokio::test]
async fn batches_of_another_segment_never_pass() {
    let Written { disk, ends, .. } = three_batches().await;
    let other = three_batches().await;
    // The same records at the same place, under another salt: what a recycled block would hold.
    let foreign = other.disk.bytes(FIRST)[ends[1]..].to_vec();
    damage(&disk, |bytes| bytes[ends[1]..].copy_from_slice(&foreign));
    let log = log_on(&disk).unwrap();
    assert_eq!(replay(&log, 0).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_damaged_or_truncated_header_is_refused() {
    let written = three_batches().await;
    for length in [0, 1, 63] {
        let disk = written.disk.copy();
        damage(&disk, |bytes| bytes.truncate(length));
        assert!(is_corrupt(&refusal(&disk).await, 0), "{length} bytes");
    }
    for at in [0, 12, 20, 35, 60] {
        let disk = written.disk.copy();
        damage(&disk, |bytes| bytes[at] ^= 0x10);
        assert!(is_corrupt(&refusal(&disk).await, 0), "byte {at}");
    }
}

#[tokio::test]
async fn a_foreign_version_is_named() {
    let written = three_batches().await;
    damage(&written.disk, |bytes| bytes[8] = 9);
    let error = refusal(&written.disk).await;
    assert!(matches!(&error, LogError::ForeignVersion { found: 9, supported: 1, .. }), "{error}");
}

/// A log of several segments.
async fn many_segments() -> (FakeDisk, Vec<String>) {
    let disk = FakeDisk::default();
    let log = log_on(&disk).unwrap();
    for tail in 0..200 {
        log.append(0, tail, &[record(&format!("k{tail}"), &[1; 1000])]).await.unwrap();
    }
    close(&log).await;
    let names = files(&disk, ".log");
    assert!(names.len() >= 4, "{names:?}");
    (disk, names)
}

#[tokio::test]
async fn a_missing_segment_is_a_gap_that_names_the_next_one() {
    let (disk, names) = many_segments().await;
    for missing in 0..names.len() - 1 {
        let disk = disk.copy();
        disk.remove_file(&names[missing]);
        let error = refusal(&disk).await;
        assert!(
            matches!(&error, LogError::Gap { file, .. } if file.ends_with(&names[missing + 1])),
            "{error}"
        );
    }
}

#[tokio::test]
async fn damage_in_an_earlier_segment_is_refused_even_at_its_end() {
    let (disk, names) = many_segments().await;
    let mut bytes = disk.bytes(&names[1]);
    let last = bytes.iter().rposition(|byte| *byte == 1).unwrap();
    bytes[last] = 0;
    disk.set(&names[1], bytes);
    let error = refusal(&disk).await;
    assert!(matches!(&error, LogError::Corrupt { file, .. } if file.ends_with(&names[1])), "{error}");
}

#[tokio::test]
async fn a_lost_page_of_an_earlier_segment_is_refused_there_and_not_as_a_missing_segment() {
    let (disk, names) = many_segments().await;
    let mut bytes = disk.bytes(&names[1]);
    let batch = BATCH_HEADER + 28 + "k61".len() + 1000;
    bytes[HEADER + batch..HEADER + 3 * batch].fill(0);
    disk.set(&names[1], bytes);
    let error = refusal(&disk).await;
    assert!(matches!(&error, LogError::Corrupt { file, .. } if file.ends_with(&names[1])), "{error}");
}

#[tokio::test]
async fn a_segment_of_another_log_is_refused() {
    let (disk, names) = many_segments().await;
    let (other, others) = many_segments().await;
    assert_eq!(names, others);
    disk.set(&names[2], other.bytes(&names[2]));
    let error = refusal(&disk).await;
    assert!(
        matches!(&error, LogError::Corrupt { file, reason, .. }
        if file.ends_with(&names[2]) && reason.contains("another log")),
        "{error}"
    );
}

#[tokio::test]
async fn a_segment_that_was_never_finished_is_no_part_of_the_log() {
    let (disk, names) = many_segments().await;
    disk.set("next.log.unfinished", vec![0xff; 1000]);
    let log = log_on(&disk).unwrap();
    assert_eq!(replay(&log, 0).await.unwrap().len(), 200);
    assert_eq!(files(&disk, ".log"), names);
    assert!(files(&disk, ".unfinished").is_empty());
}

#[tokio::test]
async fn a_read_error_is_told_with_the_file() {
    let written = three_batches().await;
    written.disk.faults(|faults| faults.read_fails = true);
    let error = refusal(&written.disk).await;
    assert_eq!(error.to_string(), format!("can't read /disk/{MANIFEST}: the disk does not answer"));
}
