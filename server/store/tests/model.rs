//! The store against a model that keeps every state it ever had: random writes, transactions, deadlines, scans and
//! watches begun at any time and read in any steps, compactions and restarts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of tests may fail as a test does")]

mod support;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures::FutureExt;
use kivi_store::{
    Action, Entry, Event, EventKind, KeyRange, Operation, Scan, Scanner, Snapshot, StateHash, Store,
    StoreOptions, Transaction, TransactionLog, Watch,
};
use proptest::prelude::*;

use self::support::memory_log::MemoryLog;

/// A key's value and revision, and the millisecond from which on it is gone.
type Held = (Bytes, u64, Option<u64>);
type State = BTreeMap<Bytes, Held>;

/// What becomes of a key.
#[derive(Debug, Clone, Copy)]
enum Change {
    Put,
    /// For so many milliseconds.
    Lend(u64),
    Delete,
}

#[derive(Debug, Clone)]
enum Step {
    /// Keys of small numbers: put with this time to live in milliseconds, or removed.
    Write(Vec<(u8, Change)>),
    Pass(u64),
    Scan {
        from: u8,
        reverse: bool,
        back: u64,
    },
    ReadScan {
        which: usize,
        entries: usize,
    },
    Watch {
        back: u64,
    },
    ReadWatch {
        which: usize,
    },
    Snapshot,
    ReadSnapshot,
    Restart {
        compact: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let change = prop_oneof![4 => Just(Change::Put), 2 => (1..50_u64).prop_map(Change::Lend), 2 => Just(Change::Delete)];
    prop_oneof![
        12 => prop::collection::btree_map(0..40_u8, change, 1..4)
            .prop_map(|changes| Step::Write(changes.into_iter().collect())),
        2 => (1..40_u64).prop_map(Step::Pass),
        2 => (0..40_u8, any::<bool>(), 0..20_u64).prop_map(|(from, reverse, back)| Step::Scan { from, reverse, back }),
        6 => (any::<usize>(), 1..9_usize).prop_map(|(which, entries)| Step::ReadScan { which, entries }),
        1 => (0..30_u64).prop_map(|back| Step::Watch { back }),
        4 => any::<usize>().prop_map(|which| Step::ReadWatch { which }),
        1 => Just(Step::Snapshot),
        4 => Just(Step::ReadSnapshot),
        1 => any::<bool>().prop_map(|compact| Step::Restart { compact }),
    ]
}

fn key(number: u8) -> Bytes {
    // Different lengths, so that their order is not that of their numbers.
    Bytes::from(if number.is_multiple_of(3) { vec![number] } else { format!("k{number}").into_bytes() })
}

struct Test {
    log: MemoryLog,
    now_ms: Arc<AtomicU64>,
    store: Arc<Store>,
    /// The state at each revision, from 0.
    states: Vec<State>,
    scans: Vec<(Scanner, Vec<(Bytes, Held)>)>,
    watches: Vec<(Watch, State)>,
    snapshot: Option<(Box<dyn Snapshot>, StateHash, State, State)>,
    writes: u64,
}

impl Test {
    async fn open(log: &MemoryLog, now_ms: &Arc<AtomicU64>) -> Arc<Store> {
        let now = Arc::clone(now_ms);
        let clock = Arc::new(move || now.load(Ordering::Relaxed));
        Store::open(log.clone(), StoreOptions { clock, ..StoreOptions::default() }).await.unwrap()
    }

    fn present(&self) -> &State {
        self.states.last().unwrap()
    }

    /// Notes what the deadlines that have come did, as the log tells it.
    async fn follow_expiry(&mut self) {
        let now = self.now_ms.load(Ordering::Relaxed);
        let is_due = |held: &Held| held.2.is_some_and(|ms| ms <= now);
        let due: Vec<_> =
            self.present().iter().filter(|(_, held)| is_due(held)).map(|(key, _)| key.clone()).collect();
        if due.is_empty() {
            return;
        }
        for key in &due {
            assert_eq!(self.store.get(key), None, "gone before the log is told");
        }
        // The expirer may be asleep until a deadline of another clock: a write with a deadline rings its bell.
        let bell = Operation {
            key: Bytes::from_static(b"bell"),
            action: Action::Put {
                value: Bytes::new(),
                media_type: None,
                ttl: Some(Duration::from_secs(1 << 40)),
            },
        };
        self.transact(vec![bell]).await;
        let remains =
            |store: &Store| store.status().keys > 1 + self.present().len() as u64 - due.len() as u64 - 1;
        support::eventually(|| !remains(&self.store)).await;
        let mut state = self.present().clone();
        for key in due {
            state.remove(&key);
        }
        // At most 128 expire as one: it was one revision.
        self.states.push(state);
        assert_eq!(self.store.status().last_revision, self.states.len() as u64 - 1);
    }

    async fn transact(&mut self, operations: Vec<Operation>) {
        let mut state = self.present().clone();
        let revision = self.states.len() as u64;
        let mut wrote = false;
        let mut existed = Vec::new();
        for Operation { key, action } in &operations {
            existed.push(state.contains_key(key));
            match action {
                Action::Put { value, ttl, .. } => {
                    let now = self.now_ms.load(Ordering::Relaxed);
                    let deadline = ttl.map(|ttl| now + u64::try_from(ttl.as_millis()).unwrap());
                    state.insert(key.clone(), (value.clone(), revision, deadline));
                    wrote = true;
                }
                Action::Delete => wrote |= state.remove(key).is_some(),
            }
        }
        let outcome =
            self.store.transact(Transaction { operations, ..Transaction::default() }).await.unwrap();
        assert_eq!(outcome.existed[..], existed[..]);
        if wrote {
            assert_eq!(outcome.revision, revision);
            self.states.push(state);
        }
    }

    async fn run(&mut self, step: Step) {
        match step {
            Step::Write(changes) => {
                self.follow_expiry().await;
                self.writes += 1;
                let value = Bytes::from(self.writes.to_string());
                let operation = |(number, change): (u8, Change)| Operation {
                    key: key(number),
                    action: match change {
                        Change::Put => Action::Put { value: value.clone(), media_type: None, ttl: None },
                        Change::Lend(ms) => {
                            let ttl = Some(Duration::from_millis(ms));
                            Action::Put { value: value.clone(), media_type: None, ttl }
                        }
                        Change::Delete => Action::Delete,
                    },
                };
                self.transact(changes.into_iter().map(operation).collect()).await;
            }
            Step::Pass(ms) => {
                self.now_ms.fetch_add(ms, Ordering::Relaxed);
                self.follow_expiry().await;
            }
            Step::Scan { from, reverse, back } => {
                let last = self.states.len() as u64 - 1;
                let revision = last.saturating_sub(back);
                let range =
                    KeyRange { start: std::ops::Bound::Included(key(from)), end: std::ops::Bound::Unbounded };
                let scan = Scan { range: range.clone(), reverse, revision: (back > 0).then_some(revision) };
                let Ok(scanner) = self.store.scan(scan) else { return };
                assert_eq!(scanner.revision(), revision);
                let now = self.now_ms.load(Ordering::Relaxed);
                // A view has no keys whose deadline has come by now, even if it looks back.
                let is_gone = |held: &Held| held.2.is_some_and(|ms| ms <= now);
                let state = &self.states[usize::try_from(revision).unwrap()];
                let mut expected: Vec<_> = state
                    .iter()
                    .filter(|(key, held)| range.contains(key) && !is_gone(held))
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect();
                if reverse {
                    expected.reverse();
                }
                self.scans.push((scanner, expected));
            }
            Step::ReadScan { which, entries } => self.read_scan(which, entries),
            Step::Watch { back } => {
                let last = self.states.len() as u64 - 1;
                let after = last.saturating_sub(back);
                let Ok(watch) = self.store.watch(KeyRange::all(), Some(after)) else { return };
                self.watches.push((watch, self.states[usize::try_from(after).unwrap()].clone()));
            }
            Step::ReadWatch { which } => {
                if !self.watches.is_empty() {
                    let which = which % self.watches.len();
                    self.read_watch(which);
                }
            }
            Step::Snapshot => {
                let snapshot = self.store.snapshot();
                let hash = self.store.status().hash;
                self.snapshot = Some((snapshot, hash, self.present().clone(), State::new()));
            }
            Step::ReadSnapshot => self.read_snapshot(),
            Step::Restart { compact } => {
                if compact {
                    let snapshot = self.store.snapshot();
                    self.log.compact(Box::new(move || snapshot)).await.unwrap();
                }
                let before = self.store.status();
                (self.scans, self.watches, self.snapshot) = (Vec::new(), Vec::new(), None);
                self.store.close().await.unwrap();
                self.store = Self::open(&self.log, &self.now_ms).await;
                let after = self.store.status();
                assert_eq!(
                    (after.hash, after.last_revision, after.keys),
                    (before.hash, before.last_revision, before.keys)
                );
                assert_eq!(after.memory_bytes, before.memory_bytes);
            }
        }
        for (key, (value, revision, _)) in self.present() {
            let entry = self.store.get(key).unwrap();
            assert_eq!((&entry.value, entry.revision), (value, *revision));
        }
    }

    fn read_scan(&mut self, which: usize, entries: usize) {
        if self.scans.is_empty() {
            return;
        }
        let which = which % self.scans.len();
        let (scanner, expected) = &mut self.scans[which];
        let found = scanner.read(entries, usize::MAX).unwrap();
        assert!(found.len() <= entries);
        for (key, entry) in &found {
            let (expected_key, (value, revision, _)) = expected.remove(0);
            assert_eq!((key, &entry.value, entry.revision), (&expected_key, &value, revision));
        }
        if found.is_empty() {
            assert!(expected.is_empty(), "the scan ended before {expected:?}");
            self.scans.swap_remove(which);
        }
    }

    fn read_watch(&mut self, which: usize) {
        let (watch, state) = &mut self.watches[which];
        while let Some(events) = watch.next().now_or_never() {
            let events: Vec<Event> = events.unwrap();
            let mut last = events[0].revision;
            for event in events {
                if event.revision != last {
                    assert_eq!(*state, self.states[usize::try_from(last).unwrap()]);
                    last = event.revision;
                }
                assert_eq!(event.previous, state.get(&event.key).map(|(_, revision, _)| *revision));
                match event.kind {
                    EventKind::Put(entry) => state.insert(event.key, held(entry)),
                    EventKind::Delete | EventKind::Expire => state.remove(&event.key),
                };
            }
            assert_eq!(*state, self.states[usize::try_from(last).unwrap()], "whole revisions only");
            assert!(watch.position() >= last);
        }
        assert_eq!(*state, *self.states.last().unwrap());
        assert_eq!(watch.position(), self.states.len() as u64 - 1);
    }

    fn read_snapshot(&mut self) {
        let Some((snapshot, hash, expected, found)) = &mut self.snapshot else { return };
        assert_eq!(snapshot.hash(), *hash);
        let entries = snapshot.read().unwrap();
        if entries.is_empty() {
            assert_eq!(found, expected);
            self.snapshot = None;
            return;
        }
        for entry in entries {
            let change = entry.record.changes[0].clone();
            let kivi_store::Effect::Put { value, expires_ms, .. } = change.effect else {
                panic!("{change:?}")
            };
            found.insert(change.key, (value, entry.sequence, expires_ms));
        }
    }
}

fn held(entry: Entry) -> Held {
    let ms = |at: SystemTime| u64::try_from(at.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    (entry.value, entry.revision, entry.expires.map(ms))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_model_does(steps in prop::collection::vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (log, now_ms) = (MemoryLog::default(), Arc::new(AtomicU64::new(1_000_000)));
            let store = Test::open(&log, &now_ms).await;
            let mut test = Test {
                log, now_ms, store,
                states: vec![State::new()],
                scans: Vec::new(),
                watches: Vec::new(),
                snapshot: None,
                writes: 0,
            };
            for step in steps {
                test.run(step).await;
            }
        });
    }
}
