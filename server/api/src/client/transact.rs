//! Transactions.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method};

use super::{Client, ClientError, outcome, put};
use crate::headers::{IDEMPOTENCY_KEY, JSON};
use crate::key;
use crate::wire::{Outcome, Transaction, TransactionOutcome};

/// A transaction that was made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transacted {
    /// The revision of every key that was written.
    pub revision: u64,
    /// What each operation did, in order.
    pub results: Vec<Outcome>,
    /// Whether this is what an earlier request of the same name did.
    pub replayed: bool,
}

pub(super) async fn transact(
    client: &Client,
    transaction: &Transaction,
    name: Option<&str>,
) -> Result<Transacted, ClientError> {
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, JSON)]);
    if let Some(name) = name {
        headers.insert(IDEMPOTENCY_KEY, put::idempotency_key(name)?);
    }
    // Texts and numbers always make JSON; an empty body the server would refuse.
    let body = Bytes::from(serde_json::to_vec(transaction).unwrap_or_default());
    let answer = client.expect(Method::POST, key::PREFIX, headers, body).await?;
    let done: TransactionOutcome = client.read_json(&Method::POST, key::PREFIX, answer.body())?;
    let replayed = outcome::replayed(answer.headers());
    Ok(Transacted { revision: done.revision, results: done.results, replayed })
}
