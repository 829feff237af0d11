//! One write on its way from its decision to its answer. Data only.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    StoreError,
    head::Delta,
    request::{Outcome, Request},
};
use crate::{Appended, Record};

/// The way back to the caller. It may have left; that changes nothing.
pub(super) type Reply = oneshot::Sender<Result<Outcome, StoreError>>;

/// A decided request, in the order of the log.
pub(super) struct Flight {
    /// Kept to be decided again, should somebody else have been first.
    pub(super) request: Request,
    pub(super) step: Step,
    pub(super) reply: Reply,
    /// Gives back the room it takes when the flight is over.
    pub(super) permit: OwnedSemaphorePermit,
}

/// What a flight waits for.
pub(super) enum Step {
    /// The log to vouch for the entry.
    Written(Written),
    /// The writes ahead of it: the answer was seen in them, and is true only once the log vouches for them.
    Seen(Result<Outcome, StoreError>),
}

/// A record that was given to the log.
pub(super) struct Written {
    pub(super) record: Record,
    pub(super) outcome: Outcome,
    pub(super) delta: Delta,
    pub(super) appended: Appended,
}

/// What the applier is sent.
pub(super) enum Message {
    /// The next flight in log order. In a box: moved from hand to hand, its half a kilobyte costs more than one allocation.
    Flight(Box<Flight>),
    /// The last message: everything before it was accepted.
    Close,
}
