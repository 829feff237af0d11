//! Small logs of several files to damage, and what a start, a check and a repair then say.

use std::sync::Arc;

use kivi_store::{
    FileLog, FileLogOptions, LogError, OpenError, StateHash, Store, StoreOptions,
    file_log::{Directory, check_in, damage_in, repair_in},
};

use super::{disk::FakeDisk, files, put, value};

/// The length of a header, in bytes.
pub const HEADER: usize = 64;

pub fn log(disk: &FakeDisk) -> Result<FileLog, LogError> {
    let options = FileLogOptions { segment_bytes: 430, ..FileLogOptions::default() };
    FileLog::open_in(Arc::new(disk.clone()), options)
}

pub async fn open(disk: &FakeDisk) -> Result<Arc<Store>, LogError> {
    match Store::open(log(disk)?, StoreOptions::default()).await {
        Ok(store) => Ok(store),
        Err(OpenError::Log(error)) => Err(error),
        Err(OpenError::HashDiffers { .. }) => {
            panic!("the snapshot's own checksums let a damage pass to the store")
        }
    }
}

/// What a store is, in two numbers.
pub type State = (StateHash, u64);

pub async fn close(store: &Store) -> State {
    store.close().await.unwrap();
    let status = store.status();
    (status.hash, status.last_revision)
}

/// A snapshot with some segments behind it, closed in order; `name` makes the values differ.
pub async fn compacted(name: &str) -> (FakeDisk, State) {
    let disk = FakeDisk::default();
    let store = open(&disk).await.unwrap();
    for number in 0..9 {
        put(&store, &format!("k{}", number % 4), format!("{name} {number}")).await.unwrap();
    }
    store.compact().await.unwrap();
    for number in 9..22 {
        put(&store, &format!("k{}", number % 4), format!("{name} {number}")).await.unwrap();
    }
    let state = close(&store).await;
    assert_eq!((files(&disk, ".log").len(), files(&disk, ".snapshot").len()), (3, 1), "{:?}", disk.names());
    (disk, state)
}

pub fn directory(disk: &FakeDisk) -> Arc<dyn Directory> {
    Arc::new(disk.clone())
}

/// What became of a damaged log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Same,
    /// With the damages in the words of `check`.
    Refused(Vec<String>),
}

/// Starts on the damaged log: it is refused, or is exactly what it was. Then repairs it.
pub async fn verdict(disk: &FakeDisk, whole: State, what: &str) -> Verdict {
    let before: Vec<_> = disk.names().iter().map(|name| disk.bytes(name)).collect();
    let checked = check_in(&directory(disk), 0, &mut |_| Ok(())).map_err(|error| error.to_string());
    let damage = damage_in(&directory(disk)).map(|all| all.iter().map(ToString::to_string).collect());
    let after: Vec<_> = disk.names().iter().map(|name| disk.bytes(name)).collect();
    assert!(before == after, "{what}: a check changed something");
    let started = disk.copy();
    let error = match open(&started).await {
        Ok(store) => {
            assert_eq!(close(&store).await, whole, "{what}: something else was served");
            assert!(checked.is_ok(), "{what}: a start took what check refused: {checked:?}");
            return Verdict::Same;
        }
        Err(error) => error.to_string(),
    };
    assert!(error.contains("/disk/"), "{what}: no file is named: {error}");
    assert_eq!(checked.unwrap_err(), error, "{what}: check and start differ");
    if let Ok(repaired) = repair_in(&directory(disk)) {
        assert_eq!(repaired.damage.as_ref(), Some(&error), "{what}");
        match open(disk).await {
            Err(again) => panic!("{what}: a start refuses what was repaired: {error}; then {again}"),
            Ok(store) => {
                put(&store, "after", "repair").await.unwrap();
                close(&store).await;
            }
        }
        assert_eq!(value(&open(disk).await.unwrap(), "after").unwrap(), "repair", "{what}");
    }
    Verdict::Refused(damage.unwrap_or_else(|foreign| vec![foreign.to_string()]))
}
