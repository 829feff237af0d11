//! The readers of a flight and how far each has read.

/// A reader's number; reused after it has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SeatId(usize);

impl SeatId {
    #[cfg(test)]
    pub(super) fn at(index: usize) -> Self {
        Self(index)
    }

    /// The place in a list by seat.
    pub(super) fn index(self) -> usize {
        self.0
    }
}

/// Every reader's position: the number of the chunk it reads next.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
pub(super) struct Seats {
    list: Vec<Seat>,
    free: Vec<usize>,
    /// Readers that are not cut off.
    readers: usize,
    /// The least position when it was last looked for, and how many readers are still there.
    floor: usize,
    at_floor: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Hash))]
enum Seat {
    Free,
    At(usize),
    Cut,
}

impl Seats {
    /// Takes a seat at the beginning.
    pub(super) fn sit(&mut self) -> SeatId {
        self.readers += 1;
        // New readers come at 0, where the floor is until the first of them is behind it.
        self.at_floor += usize::from(self.floor == 0);
        if let Some(index) = self.free.pop() {
            self.list[index] = Seat::At(0);
            return SeatId(index);
        }
        self.list.push(Seat::At(0));
        SeatId(self.list.len() - 1)
    }

    /// Gives a seat back.
    pub(super) fn rise(&mut self, seat: SeatId) {
        match self.list[seat.0] {
            Seat::Free => return,
            Seat::At(position) => self.leave(position),
            Seat::Cut => {}
        }
        self.list[seat.0] = Seat::Free;
        self.free.push(seat.0);
    }

    /// How many readers are not cut off.
    pub(super) fn readers(&self) -> usize {
        self.readers
    }

    /// Where a reader is; `None`: it was cut off.
    pub(super) fn position(&self, seat: SeatId) -> Option<usize> {
        match self.list[seat.0] {
            Seat::At(position) => Some(position),
            Seat::Free | Seat::Cut => None,
        }
    }

    /// A reader has read a chunk.
    pub(super) fn advance(&mut self, seat: SeatId) {
        if let Seat::At(position) = self.list[seat.0] {
            self.at_floor -= usize::from(position == self.floor);
            self.list[seat.0] = Seat::At(position + 1);
        }
    }

    /// Cuts off every reader at `position`.
    pub(super) fn cut_at(&mut self, position: usize) {
        for seat in &mut self.list {
            if *seat == Seat::At(position) {
                *seat = Seat::Cut;
                self.readers -= 1;
            }
        }
        if position == self.floor {
            self.at_floor = 0;
        }
    }

    /// The least position; `None`: nobody reads. Looks at every seat only when the last reader has left
    /// the least position, so that a chunk costs one look a reader.
    pub(super) fn slowest(&mut self) -> Option<usize> {
        if self.readers == 0 {
            return None;
        }
        if self.at_floor == 0 {
            let positions = || {
                self.list.iter().filter_map(|seat| match seat {
                    Seat::At(position) => Some(*position),
                    Seat::Free | Seat::Cut => None,
                })
            };
            let least = positions().min()?;
            self.at_floor = positions().filter(|position| *position == least).count();
            self.floor = least;
        }
        Some(self.floor)
    }

    fn leave(&mut self, position: usize) {
        self.readers -= 1;
        self.at_floor -= usize::from(position == self.floor);
    }
}
