//! The log volumes of a store: their claims, and the StatefulSet's template of claims that are yet to be made.
//!
//! A StatefulSet's claim templates never change. So a volume grows in steps, each safe to repeat and to be interrupted
//! after: the requests of the claims are raised; the claims are released from the StatefulSet; the StatefulSet is deleted
//! with its pods left running, and made anew with the larger template. [`plan`] says which step is next, out of what
//! there is; [`change`] takes it. Where the spec asks for it, [`growth`] says when a volume grows by itself, out of what
//! [`ask`] learns of the servers. Neither asks whether the store is well: a volume grows also while its server is down.

pub mod ask;
pub mod change;
pub mod claim;
pub mod fill;
pub mod growth;
pub mod ownership;
pub mod plan;
pub mod size;
