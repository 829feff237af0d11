//! The applier: the one task that sees each flight through, in log order. What the log vouches for becomes visible
//! and is answered; what the log refuses is answered so, or decided again behind what others appended.

use std::{collections::VecDeque, sync::Arc};

use futures::TryStreamExt;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::{
    StoreError,
    flight::{Flight, Message, Reply, Step, Written},
    request::Request,
    shared::Shared,
};
use crate::{AppendError, Appended, Chunk, Effect, Record};

/// How often those who are about to write go first: a bound on how long a steady stream of them can hold up the log.
const TURNS: usize = 4;

/// Runs until a close message, or until the store is dropped.
pub(super) async fn run(
    shared: Arc<Shared>,
    received: mpsc::UnboundedReceiver<Message>,
    closing: watch::Sender<Option<Result<(), StoreError>>>,
) {
    let mut applier = Applier { shared, received, again: VecDeque::new(), close: false, told: true };
    while let Some(flight) = applier.next().await {
        applier.land(flight).await;
    }
    applier.tell();
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
    again: VecDeque<Box<Flight>>,
    /// Whether the close message came while flights were decided again.
    close: bool,
    /// Whether those who wait for the next revision know of the last one.
    told: bool,
}

/// A flight whose append came to nothing.
struct Refused {
    request: Request,
    reply: Reply,
    permit: OwnedSemaphorePermit,
}

impl From<Box<Flight>> for Refused {
    fn from(flight: Box<Flight>) -> Self {
        let Flight { request, reply, permit, .. } = *flight;
        Self { request, reply, permit }
    }
}

impl Applier {
    async fn next(&mut self) -> Option<Box<Flight>> {
        if let Some(flight) = self.again.pop_front() {
            return Some(flight);
        }
        if self.close {
            return None;
        }
        let message = if let Ok(message) = self.received.try_recv() {
            Some(message)
        } else {
            self.tell();
            self.received.recv().await
        };
        match message {
            Some(Message::Flight(flight)) => Some(flight),
            Some(Message::Close) | None => None,
        }
    }

    /// Wakes those who wait for the next revision: once for all that were applied without a pause.
    fn tell(&mut self) {
        if !std::mem::replace(&mut self.told, true) {
            self.shared.applied.send_replace(self.shared.index.last_revision());
        }
    }

    /// Waits for one flight's end. Everything ahead of it has landed.
    async fn land(&mut self, flight: Box<Flight>) {
        let Flight { request, step, reply, permit } = *flight;
        let answer = match step {
            Step::Seen(answer) => answer,
            Step::Written(Written { record, outcome, delta, appended }) => {
                match self.landed(appended).await {
                    Ok(_) => {
                        self.apply(outcome.revision, &record);
                        // Only now: until then a decision must find the keys among what is under way.
                        let keys = record.changes.iter().map(|change| &change.key);
                        self.shared.head.lock().applied(outcome.revision, keys, request.id.as_ref(), delta);
                        Ok(outcome)
                    }
                    Err(error) => {
                        self.refused(Refused { request, reply, permit }, error).await;
                        return;
                    }
                }
            }
        };
        // The caller may have left.
        let _ = reply.send(answer);
    }

    async fn landed(&mut self, appended: Appended) -> Result<u64, AppendError> {
        if let Some(outcome) = appended.now() {
            return outcome;
        }
        self.tell();
        self.let_others_write().await;
        appended.outcome().await
    }

    /// Lets those write who are about to, so that one write of the log does for all of them. It never waits for anybody:
    /// when nobody has come in a turn, the log begins.
    async fn let_others_write(&self) {
        for _ in 0..TURNS {
            let under_way = self.received.len();
            tokio::task::yield_now().await;
            if self.received.len() == under_way {
                return;
            }
        }
    }

    fn apply(&mut self, sequence: u64, record: &Record) {
        let shared = &self.shared;
        shared.index.apply(sequence, record);
        self.told = false;
        let sets_deadline = |effect: &Effect| matches!(effect, Effect::Put { expires_ms: Some(_), .. });
        if record.changes.iter().any(|change| sets_deadline(&change.effect)) {
            shared.nearer_deadline.notify_one();
        }
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
        if error == Some(StoreError::LogFull) {
            self.shared.full.notify_one();
        }
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
        head.reset(shared.index.last_revision(), error.clone());
        for Refused { request, reply, permit } in refused {
            if let Some(error) = &error {
                let _ = reply.send(Err(error.clone()));
            } else {
                self.again.extend(shared.decide(&mut head, request, reply, permit));
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
        if let Chunk::Entries(entries) = chunk {
            shared.index.apply_all(&entries);
        }
    }
    shared.applied.send_replace(shared.index.last_revision());
    shared.nearer_deadline.notify_one();
    Ok(())
}
