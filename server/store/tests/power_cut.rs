//! Power cuts at any moment, on a disk that keeps any of the sectors that were not synced: what was acknowledged is
//! there, and nothing is there that was not written.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use kivi_store::{FileLog, FileLogOptions, Store, StoreError, StoreOptions};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::task::JoinSet;

use self::support::{delete, disk::FakeDisk, put, value};

/// What one key was before the cut: its last acknowledged value, and those whose outcome is open.
#[derive(Default, Clone, Debug)]
struct Known {
    acknowledged: Option<Bytes>,
    open: Vec<Option<Bytes>>,
}

async fn open(disk: &FakeDisk) -> Arc<Store> {
    let options = FileLogOptions { segment_bytes: 8 << 10, ..FileLogOptions::default() };
    let log = FileLog::open_in(Arc::new(disk.clone()), options).unwrap();
    Store::open(log, StoreOptions::default()).await.unwrap()
}

async fn write(store: Arc<Store>, key: String, wanted: Option<Bytes>) -> (String, Option<Bytes>, bool) {
    let acknowledged = match &wanted {
        Some(value) => put(&store, &key, value.clone()).await.map(drop),
        None => delete(&store, &key).await.map(drop),
    };
    assert!(matches!(acknowledged, Ok(()) | Err(StoreError::Closed)), "{acknowledged:?}");
    (key, wanted, acknowledged.is_ok())
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_hundred_power_cuts() {
    let mut disk = FakeDisk::default();
    let mut model: BTreeMap<String, Known> = BTreeMap::new();
    let mut random = StdRng::seed_from_u64(11);
    let mut cut_tails = 0;
    for round in 0..100_u64 {
        let store = open(&disk).await;
        for (key, known) in &mut model {
            let found = value(&store, key);
            let allowed = found == known.acknowledged || known.open.contains(&found);
            assert!(allowed, "round {round}, {key}: {found:?} is none of {known:?}");
            *known = Known { acknowledged: found, open: Vec::new() };
        }
        cut_tails += disk.names().iter().filter(|name| name.contains("torn")).count();

        // Some writes end; then the sync hangs, and the power goes with a group of others under way.
        let mut tasks = JoinSet::new();
        for step in 0..random.random_range(1..20_u32) {
            let (key, wanted) = choice(&mut random, round, step);
            tasks.spawn(write(Arc::clone(&store), key, wanted));
        }
        while let Some(done) = tasks.join_next().await {
            let (key, wanted, _) = done.unwrap();
            // Writes of one key ran side by side; which was last shows in the store.
            let known = model.entry(key).or_default();
            known.open.push(wanted);
        }
        for (key, known) in &mut model {
            *known = Known { acknowledged: value(&store, key), open: Vec::new() };
        }
        disk.faults(|faults| faults.sync_held = true);
        for step in 100..100 + random.random_range(0..20_u32) {
            let (key, wanted) = choice(&mut random, round, step);
            model.entry(key.clone()).or_default().open.push(wanted.clone());
            tasks.spawn(write(Arc::clone(&store), key, wanted));
            if random.random() {
                tokio::task::yield_now().await;
            }
        }
        for _ in 0..random.random_range(0..50) {
            tokio::task::yield_now().await;
        }
        let after = disk.power_cut(random.random());
        // The old process never comes back: its log thread ends on its own disk.
        tasks.abort_all();
        disk.faults(|faults| faults.sync_held = false);
        disk = after;
    }
    assert!(cut_tails > 10, "the cuts tore something: {cut_tails}");
}

fn choice(random: &mut StdRng, round: u64, step: u32) -> (String, Option<Bytes>) {
    let key = format!("k{}", random.random_range(0..30));
    let size = random.random_range(0..1500);
    let value = (random.random_range(0..4) > 0).then(|| {
        let mut value = format!("{round}/{step}/").into_bytes();
        value.resize(value.len() + size, b'v');
        Bytes::from(value)
    });
    (key, value)
}
