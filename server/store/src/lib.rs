//! Kivi's store: a deterministic state machine over one transaction log.
//!
//! - [`TransactionLog`] is the only thing that is durable; [`FileLog`] is the one on a volume.
//! - [`Store`] replays a log into memory, answers reads from memory, appends writes to the log and applies
//!   them in log order. The revision of a key is the sequence of the entry that wrote it.
//!
//! Nothing here knows HTTP, configuration files or Kubernetes.

pub mod file_log;
mod log;
mod record;
mod state_hash;
mod store;
mod store_id;

pub use file_log::{
    Damage, Excerpt, ExcerptReader, FileLog, FileLogOptions, Gap, Inspected, Later, Presence, Repaired,
    Report, RestoreError, Restored, Room, SnapshotEncoder, Step, StepObserver, Sync, SyncObserver, check,
    damage, inspect, presence, repair, restore, room,
};
pub use log::{
    AppendError, Appended, Begin, Chunk, CompactError, Entries, LogError, LogUsage, Promise, Snapshot,
    SnapshotError, TakeSnapshot, TransactionLog,
};
pub use record::{Change, Changes, Effect, LogEntry, Record, Remembered};
pub use state_hash::{HashedKey, StateHash};
pub use store::{
    Action, Clock, Condition, Delete, DeleteOutcome, Entry, Event, EventKind, FailedCondition, KeyRange,
    Lagged, OpenError, Operation, PastError, Put, PutOutcome, ReplayProgress, RequestId, Scan, Scanner, Seen,
    SnapshotCopy, Store, StoreError, StoreLimits, StoreOptions, StoreStatus, Transaction, TransactionOutcome,
    Watch,
};
pub use store_id::{NoStoreId, StoreId};
