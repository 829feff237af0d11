//! `POST /v1/`: conditions and operations as one, or not at all.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Response};
use http_body::Body as HttpBody;
use kivi_api::headers::{JSON, KIVI_REVISION};
use kivi_api::wire::{self, FailedCondition, KeyText, Outcome, TransactionOutcome};
use kivi_api::{Problem, ProblemType};
use kivi_store::{Action, Condition, Operation, Store, StoreError, Transaction};

use super::answer::{Answer, Body};
use super::limits::Limits;
use super::{body, idempotency, list, problems, ttl};

/// A transaction whose head was read and found good; its body comes next.
pub(super) struct Post {
    store: Arc<Store>,
    limits: Limits,
    name: Option<Bytes>,
}

impl Post {
    pub(super) fn new(store: &Arc<Store>, headers: &HeaderMap, limits: Limits) -> Result<Self, Problem> {
        let coded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
        if headers.get_all(CONTENT_ENCODING).iter().any(coded) {
            return Err(problems::content_coding());
        }
        let essence = |value: &HeaderValue| {
            let text = value.to_str().unwrap_or_default();
            text.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
        };
        if !headers.get(CONTENT_TYPE).is_some_and(essence) {
            return Err(problems::not_json());
        }
        Ok(Self { store: Arc::clone(store), limits, name: idempotency::name(headers)? })
    }

    pub(super) async fn answer<B>(self, body: B) -> Answer
    where
        B: HttpBody<Data = Bytes> + Unpin,
    {
        let limit = self.limits.request_bytes;
        let bytes = body::read(body, limit).await.map_err(|error| problems::request(error, limit))?;
        let asked = parse(&bytes)?;
        let keys: Vec<KeyText> = asked.conditions.iter().map(|condition| condition.key.clone()).collect();
        let puts: Vec<bool> =
            asked.operations.iter().map(|operation| matches!(operation, wire::Operation::Put(_))).collect();
        let mut transaction = self.check(asked)?;
        transaction.request = self.name.map(|name| idempotency::request(name, &[b"POST", &bytes]));
        let done = self.store.transact(transaction).await.map_err(|error| refusal(&error, &keys))?;
        let results = puts.iter().zip(&done.existed).map(|(put, existed)| match put {
            true => Outcome::Created(!existed),
            false => Outcome::Deleted(*existed),
        });
        let outcome = TransactionOutcome { revision: done.revision, results: results.collect() };
        let mut json = Vec::new();
        list::json(&mut json, &outcome);
        let mut response = Response::new(Body::from(Bytes::from(json)));
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, JSON);
        fields.insert(KIVI_REVISION, HeaderValue::from(done.revision));
        idempotency::mark(&mut response, done.repeated);
        Ok(response)
    }

    /// The transaction in the store's own terms, within the limits.
    fn check(&self, asked: wire::Transaction) -> Result<Transaction, Problem> {
        let count = asked.conditions.len() + asked.operations.len();
        if count > self.limits.operations {
            return Err(problems::operations(count, self.limits.operations));
        }
        let conditions = asked.conditions.into_iter().enumerate().map(|(at, asked)| {
            let key = self.key(&asked.key, || format!("condition {at}"))?;
            Ok((key, condition(asked, at)?))
        });
        let conditions = conditions.collect::<Result<_, Problem>>()?;
        let operations =
            asked.operations.into_iter().enumerate().map(|(at, operation)| self.operation(operation, at));
        Ok(Transaction { conditions, operations: operations.collect::<Result<_, _>>()?, request: None })
    }

    fn operation(&self, operation: wire::Operation, at: usize) -> Result<Operation, Problem> {
        let place = || format!("operation {at}");
        let put = match operation {
            wire::Operation::Delete(delete) => {
                return Ok(Operation { key: self.key(&delete.key, place)?, action: Action::Delete });
            }
            wire::Operation::Put(put) => put,
        };
        let key = self.key(&put.key, place)?;
        let value = put.value_text().decode();
        let value = value.map_err(|error| problems::transaction(&format!("operation {at}: {error}")))?;
        if value.len() > self.limits.value_bytes {
            return Err(problems::value_too_large(&place(), self.limits.value_bytes));
        }
        let ttl = match put.ttl.as_deref() {
            Some(text) => {
                Some(ttl::parse(text).ok_or_else(|| ttl::malformed(&format!("operations[{at}].put.ttl")))?)
            }
            None => None,
        };
        let media_type =
            put.media_type.map(|name| super::write::media_type(&name).ok_or_else(problems::media_type));
        Ok(Operation { key, action: Action::Put { value, media_type: media_type.transpose()?, ttl } })
    }

    fn key(&self, text: &KeyText, place: impl Fn() -> String) -> Result<Bytes, Problem> {
        if text.0.is_empty() {
            return Err(problems::transaction(&format!("the key of {} is empty", place())));
        }
        if text.0.len() > self.limits.key_bytes {
            return Err(problems::key_too_long(text.0.len(), self.limits.key_bytes));
        }
        Ok(Bytes::copy_from_slice(&text.0))
    }
}

fn parse(bytes: &[u8]) -> Result<wire::Transaction, Problem> {
    serde_json::from_slice(bytes).map_err(|error| problems::transaction(&error.to_string()))
}

fn condition(asked: wire::Condition, at: usize) -> Result<Condition, Problem> {
    match (asked.exists, asked.revision_in, asked.revision_not_in) {
        (Some(true), None, None) => Ok(Condition::Exists),
        (Some(false), None, None) => Ok(Condition::Absent),
        (None, Some(revisions), None) => Ok(Condition::RevisionIn(revisions)),
        (None, None, Some(revisions)) => Ok(Condition::RevisionNotIn(revisions)),
        _ => Err(problems::transaction(&format!(
            "condition {at} has not exactly one of `exists`, `revisionIn` and `revisionNotIn`"
        ))),
    }
}

/// Names the conditions that failed by their keys.
fn refusal(error: &StoreError, keys: &[KeyText]) -> Problem {
    let mut problem = problems::store(error);
    if let (ProblemType::PreconditionFailed, StoreError::ConditionsFailed { failed }) = (problem.kind, error)
    {
        let named = failed.iter().map(|failed| FailedCondition {
            index: failed.index,
            key: keys.get(failed.index).cloned().unwrap_or_default(),
            current_revision: failed.current,
        });
        problem.failed = named.collect();
    }
    problem
}
