//! One entry's state: the answers stored for it, the loads in progress, what is remembered of the last.

use std::sync::Arc;

use http::HeaderMap;
use tokio::time::Instant;

use super::{FillFailed, flight::Flight, stored::Stored, vary::VaryNames};

/// Variants of one entry; one more replaces the oldest. A bound on the search at each lookup.
const MOST_VARIANTS: usize = 64;
/// Loads of one entry that others may join; one more is not shared. Only a Vary by which every request
/// differs gets there.
const MOST_FLIGHTS: usize = 64;

/// The state of one entry.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Oldest first.
    variants: Vec<Variant>,
    /// Oldest first.
    flights: Vec<Arc<Flight>>,
    trouble: Option<(Trouble, Instant)>,
    unshared_until: Option<Instant>,
}

/// Why the entry is not loaded again for a while.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There was no answer.
    NoAnswer(FillFailed),
    /// The answer was a failure, in place of which a stored answer is served.
    FailedAnswer,
}

/// One of an entry's stored answers.
#[derive(Debug, Clone)]
pub(super) struct Variant {
    pub(super) stored: Arc<Stored>,
}

impl Account {
    /// Whether there is nothing left to remember at `now`.
    pub(super) fn is_empty(&self, now: Instant) -> bool {
        self.variants.is_empty()
            && self.flights.is_empty()
            && !self.is_in_trouble(now)
            && !self.is_unshared(now)
    }

    /// The stored answer that a request with `headers` selects, the newest first.
    pub(super) fn variant(&self, headers: &HeaderMap) -> Option<&Variant> {
        self.variants.iter().rev().find(|variant| variant.stored.nominated.matches(headers))
    }

    /// Stores an answer; returns those that it replaces.
    pub(super) fn store(&mut self, variant: Variant) -> Vec<Variant> {
        let nominated = &variant.stored.nominated;
        let mut replaced: Vec<_> =
            self.variants.extract_if(.., |other| other.stored.nominated.selects_same(nominated)).collect();
        if self.variants.len() == MOST_VARIANTS {
            replaced.push(self.variants.remove(0));
        }
        // Nearly always the only one: no room to spare.
        self.variants.reserve_exact(1);
        self.variants.push(variant);
        replaced
    }

    /// Takes out a stored answer.
    pub(super) fn remove(&mut self, stored: &Arc<Stored>) -> Option<Variant> {
        let index = self.variants.iter().position(|variant| Arc::ptr_eq(&variant.stored, stored))?;
        Some(self.variants.remove(index))
    }

    /// Takes out everything that may hold an answer from before a write: stored answers and a failure.
    /// That answers are unshared stays known.
    pub(super) fn invalidate(&mut self) -> Vec<Variant> {
        self.trouble = None;
        std::mem::take(&mut self.variants)
    }

    /// The loads in progress, the newest first.
    pub(super) fn flights(&self) -> impl Iterator<Item = &Arc<Flight>> {
        self.flights.iter().rev()
    }

    /// Whether one more load is not to be shared.
    pub(super) fn is_crowded(&self) -> bool {
        self.flights.len() >= MOST_FLIGHTS
    }

    /// Whether others may join a load.
    pub(super) fn is_attached(&self, flight: &Arc<Flight>) -> bool {
        self.flights.iter().any(|other| Arc::ptr_eq(other, flight))
    }

    /// Lets others join a load.
    pub(super) fn attach(&mut self, flight: Arc<Flight>) {
        self.flights.push(flight);
    }

    /// Lets nobody join a load any more. False: it was not attached (any more).
    pub(super) fn detach(&mut self, flight: &Arc<Flight>) -> bool {
        let before = self.flights.len();
        self.flights.retain(|other| !Arc::ptr_eq(other, flight));
        let detached = self.flights.len() < before;
        if self.flights.is_empty() {
            // Many an entry is loaded once: no room kept for more.
            self.flights = Vec::new();
        }
        detached
    }

    /// Lets nobody join any load any more.
    pub(super) fn detach_all(&mut self) -> Vec<Arc<Flight>> {
        std::mem::take(&mut self.flights)
    }

    /// The `Vary` of an earlier answer, for requests that arrive before the next one is known.
    pub(super) fn expected_vary(&self) -> Option<VaryNames> {
        match self.variants.last() {
            Some(variant) => Some(variant.stored.nominated.names().clone()),
            None => self.flights().find_map(|flight| flight.vary()),
        }
    }

    /// The failure that is kept, for requests that no stored answer is for.
    pub(super) fn failure(&self, now: Instant) -> Option<&FillFailed> {
        match &self.trouble {
            Some((Trouble::NoAnswer(failure), until)) if now < *until => Some(failure),
            _ => None,
        }
    }

    /// Whether a stored answer is to be served without another load.
    pub(super) fn is_in_trouble(&self, now: Instant) -> bool {
        self.trouble.as_ref().is_some_and(|(_, until)| now < *until)
    }

    /// Keeps what went wrong.
    pub(super) fn keep_trouble(&mut self, trouble: Trouble, until: Instant) {
        self.trouble = Some((trouble, until));
    }

    /// Whether requests are to go on their own.
    pub(super) fn is_unshared(&self, now: Instant) -> bool {
        self.unshared_until.is_some_and(|until| now < until)
    }

    /// Lets requests go on their own for a while.
    pub(super) fn keep_unshared(&mut self, until: Instant) {
        self.unshared_until = Some(until);
    }

    /// A load was answered: what was remembered of the ones before does not hold any more.
    pub(super) fn forget(&mut self) {
        self.trouble = None;
        self.unshared_until = None;
    }
}
