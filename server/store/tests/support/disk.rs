//! A disk in memory that behaves as real ones may: it counts, refuses, runs full, holds a sync back, and at a power cut
//! keeps what was synced and any sectors and names, or none, of what was not. Each of its steps can be made to fail.

mod state;

use std::{io, path::Path, sync::Arc, time::Duration};

use kivi_store::file_log::{Directory, LogFile};
use parking_lot::{Condvar, Mutex, MutexGuard};
use rand::{Rng, SeedableRng, rngs::StdRng};

use self::state::{Contents, Naming, State, Trap};

const SECTOR: usize = 512;

/// A disk with one directory; clones are the same disk.
#[derive(Clone, Default)]
pub struct FakeDisk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    released: Condvar,
}

/// What befalls one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trip {
    /// It fails.
    Io,
    /// It finds the volume full, where it takes room.
    Full,
    /// The power goes.
    Cut,
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
    /// The first opening of this file waits until this is another one; further ones do not.
    pub open_held: Option<String>,
}

/// What was done so far.
#[derive(Default, Clone, Copy, Debug)]
pub struct Counts {
    pub writes: u64,
    pub syncs: u64,
    pub waiting_syncs: u64,
    pub waiting_opens: u64,
    /// Steps of all kinds, reads too.
    pub steps: u64,
    /// How long somebody was to rest.
    pub rested: Duration,
}

impl FakeDisk {
    pub fn faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.0.state.lock().faults);
        self.0.released.notify_all();
    }

    /// Lets this step from now on, counted from 1, meet with something.
    pub fn trap(&self, at: u64, what: Trip) {
        let mut state = self.0.state.lock();
        let at = state.counts.steps + at;
        state.trap = Some(Trap { at, what });
    }

    /// Lets the power go so many steps behind the one that is trapped.
    pub fn cut_after_trap(&self, steps: u64) {
        self.0.state.lock().cut_after = Some(steps);
    }

    /// The step that met with it, once it has.
    pub fn tripped(&self) -> Option<String> {
        self.0.state.lock().tripped.clone()
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
        for (name, index) in &state.names_after(&mut random) {
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

/// What a step says that happened while the power went.
fn unless_cut(cut: bool) -> io::Result<()> {
    if cut { Err(io::Error::other("the power is off")) } else { Ok(()) }
}

impl Directory for FakeDisk {
    fn path(&self) -> &Path {
        Path::new("/disk")
    }

    fn list(&self) -> io::Result<Vec<String>> {
        unless_cut(self.0.state.lock().step("list", false)?)?;
        Ok(self.names())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let mut state = self.0.state.lock();
        let cut = state.step(&format!("create {name}"), true)?;
        state.room(1)?;
        // One that is there is emptied: what it held may be there after a power cut, or not.
        let index = state.names.get(name).copied().unwrap_or(state.files.len());
        if index == state.files.len() {
            state.files.push(Contents::default());
            state.name(Naming::Named(name.to_owned(), index));
        } else {
            state.resize(index, 0);
        }
        unless_cut(cut)?;
        Ok(self.file(index))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        let mut state = self.0.state.lock();
        unless_cut(state.step(&format!("open {name}"), false)?)?;
        if state.counts.waiting_opens == 0 && state.faults.open_held.as_deref() == Some(name) {
            state.counts.waiting_opens += 1;
            while state.faults.open_held.as_deref() == Some(name) {
                self.0.released.wait(&mut state);
            }
            state.counts.waiting_opens -= 1;
        }
        let index = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(index))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.state.lock();
        let cut = state.step(&format!("rename {from} to {to}"), false)?;
        let index = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.name(Naming::Renamed(from.to_owned(), to.to_owned(), index));
        unless_cut(cut)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.state.lock();
        let cut = state.step(&format!("remove {name}"), false)?;
        if !state.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.name(Naming::Removed(name.to_owned()));
        unless_cut(cut)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.0.state.lock();
        unless_cut(state.step("sync the directory", false)?)?;
        if state.faults.directory_sync_fails {
            return Err(io::Error::other("the disk does not answer"));
        }
        state.durable_names = state.names.clone();
        state.unsynced_names.clear();
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

impl FakeDisk {
    fn file(&self, index: usize) -> Box<dyn LogFile> {
        Box::new(FakeFile { disk: self.clone(), index })
    }
}

impl FakeFile {
    /// Counts a step; `true` when the power goes with it.
    fn step(&self, what: &str, takes_room: bool) -> io::Result<(MutexGuard<'_, State>, bool)> {
        let mut state = self.disk.0.state.lock();
        let cut = state.step_on(what, self.index, takes_room)?;
        Ok((state, cut))
    }
}

impl LogFile for FakeFile {
    fn length(&self) -> io::Result<u64> {
        let (state, cut) = self.step("look at", false)?;
        unless_cut(cut)?;
        Ok(state.files[self.index].now.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let (state, cut) = self.step("read", false)?;
        unless_cut(cut)?;
        if state.faults.read_fails {
            return Err(io::Error::other("the disk does not answer"));
        }
        let bytes = state.files[self.index].now.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let count = bytes.len().min(buffer.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.0.state.lock();
        let was_off = state.off;
        let stepped = state.step_on("write", self.index, true).and_then(unless_cut);
        if was_off {
            return stepped;
        }
        state.counts.writes += 1;
        let fault = if state.faults.write_fails {
            Err(io::Error::other("the disk does not answer"))
        } else if state.faults.thin {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            let more = (offset + bytes.len() as u64).saturating_sub(state.files[self.index].now.len() as u64);
            stepped.and_then(|()| state.room(usize::try_from(more).unwrap()))
        };
        let written = if fault.is_ok() || state.off { bytes } else { &bytes[..bytes.len() / 2] };
        state.write(self.index, offset, written);
        fault
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.0.state.lock();
        state.counts.waiting_syncs += 1;
        while state.faults.sync_held {
            self.disk.0.released.wait(&mut state);
        }
        state.counts.waiting_syncs -= 1;
        state.counts.syncs += 1;
        let stepped = state.step_on("sync", self.index, false);
        if state.off {
            return stepped.and_then(unless_cut);
        }
        let fails = state.faults.sync_fails || stepped.is_err();
        let file = &mut state.files[self.index];
        let (unsynced, cut) = (std::mem::take(&mut file.unsynced), file.cut.take());
        if fails {
            return Err(stepped.err().unwrap_or_else(|| io::Error::other("the disk does not answer")));
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
        let (mut state, cut) = self.step("allocate", true)?;
        let (length, had) = (usize::try_from(length).unwrap(), state.files[self.index].now.len());
        state.room(length.saturating_sub(had))?;
        state.resize(self.index, length.max(had));
        unless_cut(cut)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let (mut state, cut) = self.step("truncate", false)?;
        state.resize(self.index, usize::try_from(length).unwrap());
        unless_cut(cut)
    }

    fn clear(&self, offset: u64) -> io::Result<()> {
        let (mut state, cut) = self.step("clear", false)?;
        let length = state.files[self.index].now.len();
        let zeros = vec![0; length.saturating_sub(usize::try_from(offset).unwrap())];
        state.write(self.index, offset, &zeros);
        unless_cut(cut)
    }
}
