//! A disk in memory that behaves as real ones may: it counts, refuses, runs full, holds a sync back, and at a power cut
//! keeps what was synced and any sectors, or none, of what was not.

use std::{collections::BTreeMap, io, path::Path, sync::Arc, time::Duration};

use kivi_store::file_log::{Directory, LogFile};
use parking_lot::{Condvar, Mutex, MutexGuard};
use rand::{Rng, SeedableRng, rngs::StdRng};

const SECTOR: usize = 512;

/// A disk with one directory; clones are the same disk.
#[derive(Clone, Default)]
pub struct FakeDisk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Default, Clone)]
struct State {
    files: Vec<Contents>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    faults: Faults,
    counts: Counts,
}

#[derive(Default, Clone)]
struct Contents {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// What the next sync will write, in order. A failed one forgets it, as a kernel does.
    unsynced: Vec<(u64, Vec<u8>)>,
    /// The shortest length since the last sync.
    cut: Option<usize>,
}

/// What goes wrong from now on.
#[allow(clippy::struct_excessive_bools, reason = "faults are independent of each other")]
#[derive(Default, Clone)]
pub struct Faults {
    /// Each sync of a file fails.
    pub sync_fails: bool,
    /// Each sync of the directory fails.
    pub directory_sync_fails: bool,
    /// Each write fails, after half of it is written.
    pub write_fails: bool,
    /// Each read fails.
    pub read_fails: bool,
    /// The bytes the volume has room for; `None` is no bound.
    pub capacity: Option<u64>,
    /// The volume finds room neither for what was allocated, as a thin one may.
    pub thin: bool,
    /// Syncs wait until this is false.
    pub sync_held: bool,
}

/// What was done so far.
#[derive(Default, Clone, Copy, Debug)]
pub struct Counts {
    pub writes: u64,
    pub syncs: u64,
    pub waiting_syncs: u64,
    /// How long somebody was to rest.
    pub rested: Duration,
}

impl FakeDisk {
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.0.state.lock().faults);
        self.0.released.notify_all();
    }

    pub fn counts(&self) -> Counts {
        self.0.state.lock().counts
    }

    pub fn names(&self) -> Vec<String> {
        self.0.state.lock().names.keys().cloned().collect()
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let state = self.0.state.lock();
        state.files[state.names[name]].now.clone()
    }

    /// Replaces a file, durably.
    pub fn set(&self, name: &str, bytes: Vec<u8>) {
        let mut state = self.0.state.lock();
        let index = state.files.len();
        state.files.push(Contents { now: bytes.clone(), durable: bytes, ..Contents::default() });
        state.names.insert(name.to_owned(), index);
        state.durable_names.insert(name.to_owned(), index);
    }

    pub fn remove_file(&self, name: &str) {
        self.0.state.lock().names.remove(name).unwrap();
    }

    /// The same contents on another disk, without its faults.
    pub fn copy(&self) -> Self {
        let copy = Self::default();
        for name in self.names() {
            copy.set(&name, self.bytes(&name));
        }
        copy
    }

    /// The disk after a power cut now: each sector that was written but not synced is there or not, as the seed decides.
    pub fn power_cut(&self, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let state = self.0.state.lock().clone();
        let after = Self::default();
        let names = if random.random() { &state.names } else { &state.durable_names };
        for (name, index) in names {
            let file = &state.files[*index];
            let mut bytes = file.durable.clone();
            let length = if random.random() { file.now.len() } else { file.durable.len() };
            bytes.resize(length, 0);
            for (offset, written) in &file.unsynced {
                let mut at = usize::try_from(*offset).unwrap();
                let end = at + written.len();
                while at < end {
                    let sector_end = (at / SECTOR + 1) * SECTOR;
                    let stop = sector_end.min(end);
                    let from = at - usize::try_from(*offset).unwrap();
                    if random.random() && stop <= bytes.len() {
                        bytes[at..stop].copy_from_slice(&written[from..from + stop - at]);
                    }
                    at = stop;
                }
            }
            after.set(name, bytes);
        }
        after
    }
}

impl State {
    fn room(&self, more: usize) -> io::Result<()> {
        let used: usize = self
            .files
            .iter()
            .enumerate()
            .filter(|(index, _)| self.is_named(*index))
            .map(|(_, f)| f.now.len())
            .sum();
        match self.faults.capacity {
            Some(capacity) if (used + more) as u64 > capacity => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn is_named(&self, index: usize) -> bool {
        self.names.values().any(|named| *named == index)
    }
}

impl Directory for FakeDisk {
    fn path(&self) -> &Path {
        Path::new("/disk")
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.names())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let mut state = self.0.state.lock();
        state.room(1)?;
        let index = state.files.len();
        state.files.push(Contents::default());
        state.names.insert(name.to_owned(), index);
        Ok(Box::new(FakeFile { disk: self.clone(), index }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let state = self.0.state.lock();
        let index = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(FakeFile { disk: self.clone(), index }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.state.lock();
        let index = state.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), index);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.state.lock();
        state.names.remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.0.state.lock();
        if state.faults.directory_sync_fails {
            return Err(io::Error::other("the disk does not answer"));
        }
        state.durable_names = state.names.clone();
        Ok(())
    }

    /// No test waits: it is counted.
    fn rest(&self, time: Duration) {
        self.0.state.lock().counts.rested += time;
    }
}

struct FakeFile {
    disk: FakeDisk,
    index: usize,
}

impl FakeFile {
    fn state(&self) -> MutexGuard<'_, State> {
        self.disk.0.state.lock()
    }

    fn resize(&self, length: u64) {
        let mut state = self.state();
        let file = &mut state.files[self.index];
        let length = usize::try_from(length).unwrap();
        if length < file.now.len() {
            file.cut = Some(file.cut.map_or(length, |cut| cut.min(length)));
            file.unsynced.retain_mut(|(offset, written)| {
                written.truncate(length.saturating_sub(usize::try_from(*offset).unwrap()));
                !written.is_empty()
            });
        }
        file.now.resize(length, 0);
    }
}

impl LogFile for FakeFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.state().files[self.index].now.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.state();
        if state.faults.read_fails {
            return Err(io::Error::other("the disk does not answer"));
        }
        let bytes = state.files[self.index].now.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.state();
        state.counts.writes += 1;
        let fault = if state.faults.write_fails {
            Err(io::Error::other("the disk does not answer"))
        } else if state.faults.thin {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        };
        let written = if fault.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        let file = &mut state.files[self.index];
        let start = usize::try_from(offset).unwrap();
        let end = start + written.len();
        if file.now.len() < end {
            file.now.resize(end, 0);
        }
        file.now[start..end].copy_from_slice(written);
        file.unsynced.push((offset, written.to_vec()));
        fault
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        state.counts.waiting_syncs += 1;
        while state.faults.sync_held {
            self.disk.0.released.wait(&mut state);
        }
        state.counts.waiting_syncs -= 1;
        state.counts.syncs += 1;
        let fails = state.faults.sync_fails;
        let file = &mut state.files[self.index];
        let (unsynced, cut) = (std::mem::take(&mut file.unsynced), file.cut.take());
        if fails {
            return Err(io::Error::other("the disk does not answer"));
        }
        file.durable.truncate(cut.unwrap_or(usize::MAX));
        file.durable.resize(file.now.len(), 0);
        for (offset, written) in unsynced {
            let start = usize::try_from(offset).unwrap();
            file.durable[start..start + written.len()].copy_from_slice(&written);
        }
        Ok(())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let state = self.state();
        let more = usize::try_from(length).unwrap().saturating_sub(state.files[self.index].now.len());
        state.room(more)?;
        drop(state);
        self.resize(length);
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.resize(length);
        Ok(())
    }
}
