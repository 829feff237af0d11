//! The JSON that goes over the wire beside plain values: lists, events of a watch, transactions.
//!
//! Keys and values are any bytes, and JSON is text: [`KeyText`] and [`ValueText`] say how the one is written in the other.

mod entry;
mod event;
mod key_text;
mod object;
mod transaction;
mod value_text;

pub use entry::{Entry, List, ListEnd};
pub use event::{Bookmark, Event};
pub use key_text::KeyText;
pub use transaction::{
    Condition, Delete, FailedCondition, Operation, Outcome, Put, Transaction, TransactionOutcome,
};
pub use value_text::{ValueError, ValueText};
