//! The applier: the one task that sees each flight through, in log order. What the log vouches for becomes visible
//! and is answered; what the log refuses is answered so, or decided again behind what others appended.

use std::{collections::VecDeque, sync::Arc};

use futures::TryStreamExt;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::{
    StoreError,
    flight::{Flight, Message, Operation, Reply, Step},
    shared::Shared,
};
use crate::AppendError;

/// Runs until a close message, or until the store is dropped.
pub(super) async fn run(
    shared: Arc<Shared>,
    received: mpsc::UnboundedReceiver<Message>,
    closing: watch::Sender<Option<Result<(), StoreError>>>,
) {
    let mut applier = Applier { shared, received, again: VecDeque::new(), close: false };
    while let Some(flight) = applier.next().await {
        applier.land(flight).await;
    }
    let ended = applier.shared.log.close();
    // With the store itself gone, this was the last hold on the log: let go before anybody hears of the end.
    drop(applier);
    let ended = ended.await.map_err(|error| StoreError::LogFailed { message: error.to_string() });
    // Without a store nobody waits for it.
    let _ = closing.send(Some(ended));
}

struct Applier {
    shared: Arc<Shared>,
    received: mpsc::UnboundedReceiver<Message>,
    /// Flights that were decided again; they are ahead of what is still to be received.
    again: VecDeque<Flight>,
    /// Whether the close message came while flights were decided again.
    close: bool,
}

/// A flight whose append came to nothing.
struct Refused {
    operation: Operation,
    reply: Reply,
    permit: OwnedSemaphorePermit,
}

impl From<Flight> for Refused {
    fn from(Flight { operation, reply, permit, .. }: Flight) -> Self {
        Self { operation, reply, permit }
    }
}

impl Applier {
    async fn next(&mut self) -> Option<Flight> {
        if let Some(flight) = self.again.pop_front() {
            return Some(flight);
        }
        if self.close {
            return None;
        }
        match self.received.recv().await {
            Some(Message::Flight(flight)) => Some(flight),
            Some(Message::Close) | None => None,
        }
    }

    /// Waits for one flight's end. Everything ahead of it has landed.
    async fn land(&mut self, flight: Flight) {
        let Flight { operation, step, reply, permit } = flight;
        let answer = match step {
            Step::Seen(answer) => answer,
            Step::Written { sequence, outcome, appended } => match appended.await {
                Ok(_) => {
                    self.shared.index.apply(sequence, &operation.record);
                    // Only now: until then a decision must find the key among what is under way.
                    self.shared.head.lock().applied(&operation.record.key, sequence);
                    Ok(outcome)
                }
                Err(error) => {
                    self.refused(Refused { operation, reply, permit }, error).await;
                    return;
                }
            },
        };
        // The caller may have left.
        let _ = reply.send(answer);
    }

    /// The log refused this flight, and with it everything behind it.
    async fn refused(&mut self, first: Refused, error: AppendError) {
        let error = match error {
            AppendError::Conflict { tail } => match catch_up(&self.shared, tail).await {
                Ok(()) => None,
                Err(message) => Some(StoreError::LogFailed { message }),
            },
            error => Some(StoreError::from(error)),
        };
        let shared = Arc::clone(&self.shared);
        let mut head = shared.head.lock();
        let mut refused = vec![first];
        refused.extend(self.again.drain(..).map(Refused::from));
        while let Ok(message) = self.received.try_recv() {
            match message {
                Message::Flight(flight) => refused.push(flight.into()),
                Message::Close => self.close = true,
            }
        }
        head.reset(shared.index.last_revision(), shared.index.memory_bytes(), error.clone());
        for Refused { operation, reply, permit } in refused {
            if let Some(error) = &error {
                let _ = reply.send(Err(error.clone()));
            } else {
                self.again.extend(shared.decide(&mut head, operation, reply, permit));
            }
        }
    }
}

/// Applies what others appended, up to `tail`.
async fn catch_up(shared: &Shared, tail: u64) -> Result<(), String> {
    let applied = shared.index.last_revision();
    if applied >= tail {
        return Ok(());
    }
    let mut entries = shared.log.replay(applied);
    while let Some(chunk) = entries.try_next().await.map_err(|error| error.to_string())? {
        for entry in &chunk {
            shared.index.replay(entry).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}
