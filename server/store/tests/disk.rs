//! The log on the machine's own file system.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::fs;

use kivi_store::{FileLog, FileLogOptions, LogError, Store, StoreOptions, TransactionLog};

use self::support::{SEGMENT, options, put, record, replay, value};

fn small() -> FileLogOptions {
    options(kivi_store::Sync::Always)
}

#[tokio::test]
async fn a_store_in_a_directory_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().join("made/on/the/way");
    {
        let store = Store::open(FileLog::open(&at, small()).unwrap(), StoreOptions::default()).await.unwrap();
        for key in 0..100 {
            put(&store, &format!("k{key}"), vec![7; 1500]).await.unwrap();
        }
        store.close().await.unwrap();
    }
    let names = fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let newest = names.filter(|name| name.starts_with("0000")).max().unwrap();
    assert_eq!(fs::metadata(at.join(newest)).unwrap().len(), SEGMENT, "segments are allocated whole");
    let store = Store::open(FileLog::open(&at, small()).unwrap(), StoreOptions::default()).await.unwrap();
    assert_eq!(store.status().keys, 100);
    assert_eq!(value(&store, "k42").unwrap(), vec![7; 1500]);
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let first = FileLog::open(directory.path(), small()).unwrap();
    let Err(error) = FileLog::open(directory.path(), small()) else { panic!("it opened twice") };
    assert!(
        matches!(&error, LogError::Locked { directory: locked } if locked == directory.path()),
        "{error}"
    );
    first.close().await.unwrap();
    drop(first);
    FileLog::open(directory.path(), small()).unwrap();
}

#[tokio::test]
async fn a_batch_larger_than_a_segment_gets_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let log = FileLog::open(directory.path(), small()).unwrap();
    let large = vec![9; 300_000];
    for (tail, value) in (0..).zip([&b"a"[..], &large, b"b", &large, &large, b"c"]) {
        log.append(0, tail, &[record("k", value)]).await.unwrap();
    }
    let before = replay(&log, 0).await.unwrap();
    log.close().await.unwrap();
    drop(log);
    let log = FileLog::open(directory.path(), small()).unwrap();
    assert_eq!(replay(&log, 0).await.unwrap(), before);
    assert_eq!(before[4].record, record("k", &large));
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let Err(error) = FileLog::open(&file.join("log"), small()) else { panic!("it opened") };
    assert!(error.to_string().starts_with("can't create the log directory"), "{error}");
}
