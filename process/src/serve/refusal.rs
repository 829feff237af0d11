//! Connections beyond the limit: told so and closed, few at a time, so that they take nothing from those who are in.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::stream::Plain;

/// As many are told at once; further ones are closed without a word.
pub(super) const AT_ONCE: usize = 64;
/// How long one may take to ask and to hear it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is said to whom there is no room for.
#[derive(Clone)]
pub(super) struct Refusal {
    answer: Bytes,
    permits: Arc<Semaphore>,
}

impl Refusal {
    /// `answer` is a whole HTTP/1.1 answer.
    pub(super) fn new(answer: Bytes) -> Self {
        Self { answer, permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Tells the client, as soon as it asks for something, and closes the connection.
    pub(super) fn tell(&self, mut stream: Plain) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { return };
        let answer = self.answer.clone();
        tokio::spawn(async move {
            let told = async {
                let mut unread = [0; 1024];
                // A client that has not asked yet takes an answer for a fault of the connection.
                if stream.read(&mut unread).await? == 0 {
                    return Ok(());
                }
                stream.write_all(&answer).await?;
                stream.shutdown().await?;
                // A connection that is closed over unread bytes is reset, and the answer may be lost with it.
                while stream.read(&mut unread).await? > 0 {}
                std::io::Result::Ok(())
            };
            // A client that leaves has its answer.
            let _ = timeout(PATIENCE, told).await;
            drop(permit);
        });
    }
}
