//! Candidates on bad networks: calls are late, lost, or done though their answer is lost; processes stand still
//! or start anew; clocks run at different speeds. Never do two lead, and when all is well again one does.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::Timing;
use super::candidate::{Candidate, Step};
use super::lease::{claim, version};
use crate::test_support::now as wall;

const TROUBLE: Duration = Duration::from_secs(180);
const PEACE: Duration = Duration::from_secs(60);

#[derive(Debug)]
enum Event {
    Next,
    Arrives { call: u64, step: Step },
    Answered { call: u64, answer: Answer },
    TimedOut { call: u64 },
}

#[derive(Debug)]
enum Answer {
    Read(Option<Box<Lease>>),
    Written(Box<Lease>),
    Refused,
}

/// A process: its clock is its own.
struct Process {
    candidate: Candidate,
    rate: f64,
    offset: Duration,
    /// The call that it waits for, and when it was sent by its clock.
    waits: Option<(u64, Duration)>,
    stands_still_until: Duration,
    born: u64,
}

impl Process {
    fn clock(&self, now: Duration) -> Duration {
        self.offset + now.mul_f64(self.rate)
    }

    fn leads(&self, now: Duration) -> bool {
        self.candidate.leads_until(self.clock(now)).is_some()
    }
}

struct World {
    random: StdRng,
    timing: Timing,
    now: Duration,
    lease: Option<Lease>,
    writes: u64,
    calls: u64,
    processes: Vec<Process>,
    /// By time, and by order where the time is the same.
    events: BTreeMap<(Duration, u64), (usize, u64, Event)>,
    order: u64,
    terms: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let seconds = Duration::from_secs;
        let mut world = Self {
            random: StdRng::seed_from_u64(seed),
            timing: Timing::new(seconds(15), seconds(10), seconds(1)).unwrap(),
            now: Duration::ZERO,
            lease: None,
            writes: 0,
            calls: 0,
            processes: Vec::new(),
            events: BTreeMap::new(),
            order: 0,
            terms: 0,
        };
        for place in 0..2 + usize::try_from(seed % 2).unwrap() {
            let process = world.process(0, place);
            world.processes.push(process);
            world.plan(place, Duration::ZERO, Event::Next);
        }
        world
    }

    fn process(&mut self, born: u64, place: usize) -> Process {
        Process {
            candidate: Candidate::new(format!("{place}-{born}"), self.timing),
            // Far more than clocks differ, and within what the renew deadline leaves room for.
            rate: self.random.random_range(0.85..1.15),
            offset: Duration::from_secs(self.random.random_range(0..1_000_000)),
            waits: None,
            stands_still_until: Duration::ZERO,
            born,
        }
    }

    fn plan(&mut self, place: usize, after: Duration, event: Event) {
        self.order += 1;
        let born = self.processes[place].born;
        self.events.insert((self.now + after, self.order), (place, born, event));
    }

    fn trouble(&self) -> bool {
        self.now < TROUBLE
    }

    /// How long a message takes; none where it is lost.
    fn way(&mut self) -> Option<Duration> {
        let kind = if self.trouble() { self.random.random_range(0..10) } else { 9 };
        let longest = match kind {
            0 => return None,
            1 => 12_000,
            2 | 3 => 3_000,
            _ => 50,
        };
        Some(Duration::from_millis(self.random.random_range(1..=longest)))
    }

    fn run(&mut self) {
        while let Some(((time, _), (place, born, event))) = self.events.pop_first() {
            self.now = time;
            if self.now > TROUBLE + PEACE {
                return;
            }
            if let Event::Arrives { call, step } = event {
                self.serve(place, call, step);
                continue;
            }
            if born != self.processes[place].born {
                continue;
            }
            self.befall(place);
            let still = self.processes[place].stands_still_until;
            if still > self.now {
                self.plan(place, still.saturating_sub(self.now), event);
            } else if born == self.processes[place].born {
                self.act(place, event);
            }
        }
    }

    /// What happens to processes.
    fn befall(&mut self, place: usize) {
        if !self.trouble() || self.processes[place].stands_still_until > self.now {
            return;
        }
        match self.random.random_range(0..200) {
            0 => {
                let time = Duration::from_millis(self.random.random_range(1..30_000));
                self.processes[place].stands_still_until = self.now + time;
            }
            1 => {
                let born = self.processes[place].born + 1;
                self.processes[place] = self.process(born, place);
                self.plan(place, Duration::from_millis(500), Event::Next);
            }
            _ => {}
        }
    }

    /// The API server: one write after the other, and none over what it does not name.
    fn serve(&mut self, place: usize, call: u64, step: Step) {
        let answer = match step {
            Step::Claim(base) if base.as_deref().map(version) == self.lease.as_ref().map(version) => {
                let (process, timing) = (&self.processes[place], self.timing);
                let name = format!("{place}-{}", process.born);
                let mut lease = claim(base.as_deref(), "kivi", &name, timing.duration(), wall());
                self.writes += 1;
                lease.metadata.resource_version = Some(self.writes.to_string());
                self.lease = Some(lease.clone());
                Answer::Written(Box::new(lease))
            }
            Step::Claim(_) => Answer::Refused,
            Step::Read | Step::Rest(_) => Answer::Read(self.lease.clone().map(Box::new)),
        };
        if let Some(way) = self.way() {
            self.plan(place, way, Event::Answered { call, answer });
        }
    }

    fn act(&mut self, place: usize, event: Event) {
        let now = self.now;
        let process = &mut self.processes[place];
        let clock = process.clock(now);
        match event {
            Event::Answered { call, answer } => {
                let Some((_, sent)) = process.waits.take_if(|(waits, _)| *waits == call) else { return };
                match answer {
                    Answer::Read(lease) => process.candidate.read(lease.map(|lease| *lease), clock),
                    Answer::Refused => process.candidate.refused(),
                    Answer::Written(lease) => {
                        let led = process.leads(now);
                        process.candidate.written(*lease, sent);
                        self.terms += u64::from(!led);
                        // A term begins or is prolonged only here.
                        let leaders = self.leaders();
                        assert!(leaders.len() <= 1, "{leaders:?} lead at {now:?}");
                    }
                }
            }
            Event::TimedOut { call } => {
                if process.waits.take_if(|(waits, _)| *waits == call).is_none() {
                    return;
                }
                process.candidate.failed();
            }
            Event::Next | Event::Arrives { .. } => {}
        }
        self.advance(place);
    }

    fn advance(&mut self, place: usize) {
        let process = &mut self.processes[place];
        let (clock, rate) = (process.clock(self.now), process.rate);
        match process.candidate.step() {
            Step::Rest(time) => self.plan(place, time.div_f64(rate), Event::Next),
            step => {
                self.calls += 1;
                let call = self.calls;
                process.waits = Some((call, clock));
                if let Some(way) = self.way() {
                    self.plan(place, way, Event::Arrives { call, step });
                }
                self.plan(place, self.timing.call_timeout().div_f64(rate), Event::TimedOut { call });
            }
        }
    }

    fn leaders(&self) -> Vec<usize> {
        (0..self.processes.len()).filter(|place| self.processes[*place].leads(self.now)).collect()
    }
}

#[test]
fn never_do_two_lead_and_in_the_end_one_does() {
    let mut terms = 0;
    for seed in 0..400 {
        let mut world = World::new(seed);
        world.run();
        assert_eq!(world.leaders().len(), 1, "seed {seed}: all is well again");
        terms += world.terms;
    }
    // Otherwise the network was too good to show anything.
    assert!(terms > 2_000, "{terms} terms");
}
