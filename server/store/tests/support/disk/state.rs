//! What is on the disk, in memory and for good, and what befalls its next step.

use std::{collections::BTreeMap, io};

use rand::{Rng, rngs::StdRng};

use super::{Counts, Faults, Trip};

#[derive(Default, Clone)]
pub(super) struct State {
    pub(super) files: Vec<Contents>,
    pub(super) names: BTreeMap<String, usize>,
    pub(super) durable_names: BTreeMap<String, usize>,
    /// What the next sync of the directory makes durable, in order.
    pub(super) unsynced_names: Vec<Naming>,
    pub(super) faults: Faults,
    pub(super) counts: Counts,
    pub(super) trap: Option<Trap>,
    /// How many steps later the power goes.
    pub(super) cut_after: Option<u64>,
    pub(super) tripped: Option<String>,
    /// The power is off: nothing changes any more.
    pub(super) off: bool,
}

#[derive(Clone)]
pub(super) enum Naming {
    Named(String, usize),
    Renamed(String, String, usize),
    Removed(String),
}

#[derive(Clone, Copy)]
pub(super) struct Trap {
    pub(super) at: u64,
    pub(super) what: Trip,
}

#[derive(Default, Clone)]
pub(super) struct Contents {
    pub(super) now: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// What the next sync will write, in order. A failed one forgets it, as a kernel does.
    pub(super) unsynced: Vec<(u64, Vec<u8>)>,
    /// The shortest length since the last sync.
    pub(super) cut: Option<usize>,
}

impl State {
    pub(super) fn room(&self, more: usize) -> io::Result<()> {
        let used: usize = self
            .files
            .iter()
            .enumerate()
            .filter(|(index, _)| self.is_named(*index))
            .map(|(_, f)| f.now.len())
            .sum();
        match self.faults.capacity.filter(|_| more > 0) {
            Some(capacity) if (used + more) as u64 > capacity => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    /// The names after a power cut: all, those that are durable, or any of the rest besides.
    pub(super) fn names_after(&self, random: &mut StdRng) -> BTreeMap<String, usize> {
        let some: u8 = random.random_range(0..3);
        let mut names = self.durable_names.clone();
        for naming in &self.unsynced_names {
            if some == 0 || some == 1 && random.random() {
                naming.apply(&mut names);
            }
        }
        names
    }

    pub(super) fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.names);
        self.unsynced_names.push(naming);
    }

    /// Counts a step. `true` when it happens and the power goes with it.
    pub(super) fn step(&mut self, what: &str, takes_room: bool) -> io::Result<bool> {
        if self.off {
            return Err(io::Error::other("the power is off"));
        }
        self.counts.steps += 1;
        let Some(trap) = self.trap.filter(|trap| trap.at == self.counts.steps) else {
            return Ok(false);
        };
        if trap.what == Trip::Full && !takes_room {
            return Ok(false);
        }
        let tripped = self.tripped.take().map(|before| before + ", then ").unwrap_or_default();
        self.tripped = Some(format!("{tripped}{what}, step {}", self.counts.steps));
        self.trap =
            self.cut_after.take().map(|steps| Trap { at: self.counts.steps + steps, what: Trip::Cut });
        match trap.what {
            Trip::Io => Err(io::Error::from_raw_os_error(5)),
            Trip::Full => Err(io::ErrorKind::StorageFull.into()),
            Trip::Cut => {
                self.off = true;
                Ok(true)
            }
        }
    }

    /// Counts a step on a file.
    pub(super) fn step_on(&mut self, what: &str, index: usize, takes_room: bool) -> io::Result<bool> {
        let named = self.names.iter().find(|(_, named)| **named == index);
        let name = named.map_or("a removed file", |(name, _)| name).to_owned();
        self.step(&format!("{what} {name}"), takes_room)
    }

    pub(super) fn is_named(&self, index: usize) -> bool {
        self.names.values().any(|named| *named == index)
    }
}

impl Naming {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Named(name, index) => drop(names.insert(name.clone(), *index)),
            Self::Renamed(from, to, index) => {
                names.remove(from);
                names.insert(to.clone(), *index);
            }
            Self::Removed(name) => drop(names.remove(name)),
        }
    }
}

impl State {
    pub(super) fn resize(&mut self, index: usize, length: usize) {
        let file = &mut self.files[index];
        if length < file.now.len() {
            file.cut = Some(file.cut.map_or(length, |cut| cut.min(length)));
            file.unsynced.retain_mut(|(offset, written)| {
                written.truncate(length.saturating_sub(usize::try_from(*offset).unwrap()));
                !written.is_empty()
            });
        }
        file.now.resize(length, 0);
    }

    pub(super) fn write(&mut self, index: usize, offset: u64, written: &[u8]) {
        let file = &mut self.files[index];
        let start = usize::try_from(offset).unwrap();
        let end = start + written.len();
        if file.now.len() < end {
            file.now.resize(end, 0);
        }
        file.now[start..end].copy_from_slice(written);
        file.unsynced.push((offset, written.to_vec()));
    }
}
