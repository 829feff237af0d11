//! What callers ask of a store, and what they are told. Plain values.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use smallvec::SmallVec;

use super::{Condition, RequestId};

/// A value to write.
#[derive(Debug, Clone)]
pub struct Put {
    /// The key: any bytes, at least one.
    pub key: Bytes,
    /// The value: any bytes, also none.
    pub value: Bytes,
    /// Kept and given back with the value. At most 65,535 bytes.
    pub media_type: Option<Arc<str>>,
    /// How long the key is to live, to the millisecond; without it, until it is deleted.
    pub ttl: Option<Duration>,
    /// What must hold for the write to happen.
    pub condition: Condition,
    /// The request's name, where its outcome is to be remembered.
    pub request: Option<RequestId>,
}

/// A key to remove.
#[derive(Debug, Clone)]
pub struct Delete {
    /// The key: any bytes, at least one.
    pub key: Bytes,
    /// What must hold for the removal to happen.
    pub condition: Condition,
}

/// Several operations that happen as one, or not at all.
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    /// What must hold of which keys, all at once, for the operations to happen.
    pub conditions: Vec<(Bytes, Condition)>,
    /// What happens; each key at most once.
    pub operations: Vec<Operation>,
    /// The request's name, where its outcome is to be remembered.
    pub request: Option<RequestId>,
}

/// One operation of a transaction.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The key: any bytes, at least one.
    pub key: Bytes,
    /// What happens to it.
    pub action: Action,
}

/// What happens to a key.
#[derive(Debug, Clone)]
pub enum Action {
    /// It gets this value.
    Put {
        /// Any bytes, also none.
        value: Bytes,
        /// Kept and given back with the value. At most 65,535 bytes.
        media_type: Option<Arc<str>>,
        /// How long the key is to live, to the millisecond; without it, until it is deleted.
        ttl: Option<Duration>,
    },
    /// It is removed.
    Delete,
}

/// A put that the log vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutOutcome {
    /// The key's revision now.
    pub revision: u64,
    /// Whether the key was absent before.
    pub created: bool,
    /// Whether this is what an earlier request of the same name did.
    pub repeated: bool,
}

/// A delete that the log vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeleteOutcome {
    /// The revision of the removal; `None` when the key was absent and nothing was written.
    pub revision: Option<u64>,
}

/// A transaction that the log vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionOutcome {
    /// The revision of every key that it wrote; where it wrote none, the present one.
    pub revision: u64,
    /// Of each operation, whether its key was present before.
    pub existed: Box<[bool]>,
    /// Whether this is what an earlier request of the same name did.
    pub repeated: bool,
}

/// Of each operation, whether its key was present before.
pub(super) type Existed = SmallVec<[bool; 8]>;

/// What was done, once the log vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The sequence of the entry that was written, or that the unchanged state was seen at.
    pub(super) revision: u64,
    pub(super) existed: Existed,
    pub(super) repeated: bool,
}

/// Any of the above, as the head decides it.
pub(super) struct Request {
    pub(super) conditions: SmallVec<[(Bytes, Condition); 1]>,
    pub(super) intents: SmallVec<[Intent; 1]>,
    pub(super) id: Option<RequestId>,
}

/// What is to become of one key.
pub(super) struct Intent {
    pub(super) key: Bytes,
    pub(super) what: What,
}

pub(super) enum What {
    Act(Action),
    /// It is gone, if it still is at this revision.
    Expire(u64),
}

impl Request {
    pub(super) fn of(key: Bytes, condition: Condition, action: Action, id: Option<RequestId>) -> Self {
        let mut conditions = SmallVec::new();
        if condition != Condition::None {
            conditions.push((key.clone(), condition));
        }
        let mut intents = SmallVec::new();
        intents.push(Intent { key, what: What::Act(action) });
        Self { conditions, intents, id }
    }

    /// The bytes it carries.
    pub(super) fn bytes(&self) -> usize {
        let of = |intent: &Intent| match &intent.what {
            What::Act(Action::Put { value, .. }) => intent.key.len() + value.len(),
            What::Act(Action::Delete) | What::Expire(_) => intent.key.len(),
        };
        self.intents.iter().map(of).sum()
    }
}

impl From<Transaction> for Request {
    fn from(Transaction { conditions, operations, request }: Transaction) -> Self {
        let intent = |Operation { key, action }| Intent { key, what: What::Act(action) };
        Self {
            conditions: conditions.into(),
            intents: operations.into_iter().map(intent).collect(),
            id: request,
        }
    }
}
