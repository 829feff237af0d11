//! Every state that a flight with few readers and a short body can get into, and every way on from there.

use std::{
    collections::{HashSet, VecDeque},
    hash::Hash,
    mem,
};

use super::*;

/// Chunks of the body, of one length; the limit holds two of them.
const CHUNKS: u8 = 4;
const LENGTH: usize = 100;
const LIMIT: u64 = 2 * LENGTH as u64;
/// Readers over the flight's life; seats are taken again.
const SAT: usize = 4;

/// The machine, and what is known of it from outside.
#[derive(Debug, Clone)]
struct World {
    machine: Machine<()>,
    /// By seat: the chunks that were read; none where nobody sits.
    read: Vec<Option<u8>>,
    sat: usize,
    pushed: u8,
    sealed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Sit,
    Rise(usize),
    Read(usize),
    Ready,
    Unshared,
    Push,
    Cut,
    Seal,
    Fail,
}

impl World {
    fn new(kept: bool) -> Self {
        let (machine, read) =
            if kept { (Machine::kept(LIMIT), Vec::new()) } else { (Machine::new(LIMIT).0, vec![Some(0)]) };
        let sat = read.len();
        Self { machine, read, sat, pushed: 0, sealed: false }
    }

    /// What tells one state from another; the rest follows from it.
    fn state(&self) -> impl Eq + Hash + use<> {
        let Machine { phase, chunks, dropped, windowed, seats, .. } = &self.machine;
        let machine = (mem::discriminant(phase), chunks.len(), *dropped, *windowed, seats.clone());
        (machine, self.read.clone(), self.sat, self.pushed, self.sealed)
    }

    /// What the loader and the readers may do now.
    fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Ready, Step::Unshared, Step::Fail, Step::Seal];
        if self.sat < SAT {
            steps.push(Step::Sit);
        }
        if self.machine.is_full() {
            steps.push(Step::Cut);
        } else if self.pushed < CHUNKS {
            steps.push(Step::Push);
        }
        let seated = (0..self.read.len()).filter(|seat| self.read[*seat].is_some());
        steps.extend(seated.flat_map(|seat| [Step::Rise(seat), Step::Read(seat)]));
        steps
    }

    fn take(&mut self, step: Step) {
        let was_loading = self.machine.is_loading();
        let was_full = self.machine.is_full();
        match step {
            Step::Sit => {
                let Some(seat) = self.machine.sit() else { return };
                self.sat += 1;
                self.read.resize(self.read.len().max(seat.index() + 1), None);
                assert_eq!(self.read[seat.index()].replace(0), None, "two readers have one seat");
            }
            Step::Rise(seat) => {
                self.read[seat] = None;
                let left = self.machine.rise(SeatId::at(seat));
                let ended = was_loading && !self.machine.is_loading();
                assert_eq!(left == Left::Nobody, ended, "a load is cancelled exactly when nobody is left");
                let made_room = was_full && !ended && !self.machine.is_full();
                assert!(!made_room || left == Left::Room, "the loader is not woken");
            }
            Step::Read(seat) => self.read(seat, was_full),
            Step::Ready => self.machine.ready(()),
            Step::Unshared => drop(self.machine.unshared()),
            Step::Push => {
                if self.machine.push(Bytes::from(vec![self.pushed; LENGTH])) != Pushed::Ended {
                    self.pushed += 1;
                }
            }
            Step::Cut => {
                let held = self.machine.held;
                let goes_on = self.machine.cut_slowest();
                assert_eq!(goes_on, self.machine.is_loading());
                assert!(self.machine.held < held, "nobody was cut off");
            }
            Step::Seal => {
                self.machine.seal(None);
                self.sealed = matches!(self.machine.phase(), Phase::Sealed(()));
            }
            Step::Fail => drop(self.machine.fail(FillFailed::Died)),
        }
        assert!(was_loading || !self.machine.is_loading(), "an end is final");
        self.check();
    }

    fn read(&mut self, seat: usize, was_full: bool) {
        let read = self.read[seat].unwrap();
        let (next, room) = self.machine.next(SeatId::at(seat));
        assert!(room || !was_full || self.machine.is_full(), "the loader is not woken");
        match next {
            Next::Chunk(chunk) => {
                assert_eq!(&chunk[..], [read; LENGTH], "a chunk is left out or comes twice");
                self.read[seat] = Some(read + 1);
            }
            Next::End(_) => assert!(self.sealed && read == self.pushed, "a short success"),
            Next::Failed(FillFailed::TooSlow) => {}
            Next::Failed(_) => assert!(matches!(self.machine.phase(), Phase::Failed(_))),
            Next::Pending => {
                assert!(
                    !matches!(self.machine.phase(), Phase::Sealed(()) | Phase::Failed(_)),
                    "waits for nothing"
                );
                assert_eq!(read, self.pushed, "what is there is not read");
            }
        }
    }

    fn check(&self) {
        let machine = &self.machine;
        assert!(machine.held <= LIMIT + LENGTH as u64, "more than the limit and a chunk is held");
        let held: u64 = machine.chunks.iter().map(weight).sum();
        assert_eq!(held, machine.held);
        if matches!(machine.phase(), Phase::Sealed(())) && !machine.windowed {
            assert_eq!(machine.chunks.len(), usize::from(self.pushed), "who comes late gets all of it");
        }
        let outlives_readers = machine.kept && !machine.windowed;
        let has_readers = machine.seats.readers() > 0;
        assert!(has_readers || !machine.is_loading() || outlives_readers, "a load goes on for nobody");
    }
}

fn explore(kept: bool) -> usize {
    let first = World::new(kept);
    let mut seen = HashSet::from([first.state()]);
    let mut open = VecDeque::from([first]);
    while let Some(world) = open.pop_front() {
        for step in world.steps() {
            let mut next = world.clone();
            next.take(step);
            if seen.insert(next.state()) {
                open.push_back(next);
            }
        }
    }
    seen.len()
}

#[test]
fn every_state_of_a_short_flight_keeps_its_promises() {
    for kept in [false, true] {
        let states = explore(kept);
        assert!(states > 10_000, "{states} states");
    }
}
