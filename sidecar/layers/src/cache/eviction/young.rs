//! The entries that came last, in the order in which they came. One that its owner removes leaves a hole.

use std::collections::VecDeque;

use super::{Item, Ranked};

/// Holes that are not worth closing.
const FEW: usize = 64;

/// The queue. A place in it is the number of its entry since the queue began.
#[derive(Debug)]
pub(super) struct Young<P> {
    items: VecDeque<Option<Item<P>>>,
    /// The place of the first.
    first: u64,
    holes: usize,
    /// That of all entries in it.
    pub(super) weight: u64,
}

impl<P: Ranked> Young<P> {
    pub(super) fn new() -> Self {
        Self { items: VecDeque::new(), first: 0, holes: 0, weight: 0 }
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.items.len() - self.holes
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, item: Item<P>) {
        self.weight += item.payload.weight();
        item.payload.rank().set_young(self.first + self.items.len() as u64);
        if self.items.len() == self.items.capacity() {
            self.items.reserve_exact(super::growth(self.items.len()));
        }
        self.items.push_back(Some(item));
    }

    /// Takes out the oldest entry.
    pub(super) fn pop(&mut self) -> Option<Item<P>> {
        while let Some(oldest) = self.items.pop_front() {
            self.first += 1;
            let Some(item) = oldest else {
                self.holes -= 1;
                continue;
            };
            self.weight -= item.payload.weight();
            let enough = self.items.len() + super::growth(self.items.len());
            if self.items.capacity() > 2 * enough {
                self.items.shrink_to(enough);
            }
            return Some(item);
        }
        None
    }

    /// The entry at a place.
    pub(super) fn get(&mut self, place: u64) -> Option<&mut Item<P>> {
        self.at(place)?.as_mut()
    }

    /// Takes out the entry at a place.
    pub(super) fn remove(&mut self, place: u64) -> Option<Item<P>> {
        let item = self.at(place)?.take()?;
        self.weight -= item.payload.weight();
        self.holes += 1;
        if self.holes > self.len() + FEW {
            self.close();
        }
        Some(item)
    }

    fn at(&mut self, place: u64) -> Option<&mut Option<Item<P>>> {
        let index = usize::try_from(place.checked_sub(self.first)?).ok()?;
        self.items.get_mut(index)
    }

    /// Closes the holes.
    fn close(&mut self) {
        self.items.retain(Option::is_some);
        self.items.shrink_to_fit();
        self.holes = 0;
        for (place, item) in (self.first..).zip(self.items.iter().flatten()) {
            item.payload.rank().set_young(place);
        }
    }

    /// How many places there are, with the holes.
    #[cfg(test)]
    pub(super) fn items(&self) -> usize {
        self.items.len()
    }

    /// How many places there is memory for.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.items.capacity()
    }
}
