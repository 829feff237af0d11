//! Why something was not done: each a sentence with the way out.

use kivi_api::ClientError;
use kivi_store::{Damage, LogError, RestoreError, StoreId};
use thiserror::Error;

use crate::{chain::Missing, manifest::Unreadable, place::PlaceError};

/// Why a backup was not taken, the log not archived, or a store not restored.
#[derive(Debug, Error)]
pub enum Error {
    /// The destination.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The server.
    #[error("cannot {doing}: {source}")]
    Server {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: ClientError,
    },
    /// The server's certificate authority or token.
    #[error("cannot read {path}: {source}")]
    Credentials {
        /// The file or folder.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A folder of tokens has none.
    #[error("there is no token in {path}; mount the store's Secret NAME-token there")]
    NoToken {
        /// The folder.
        path: String,
    },
    /// What the server sent is not what it said.
    #[error("what the server sent is not whole: {0}; nothing was kept of it, try again")]
    Sent(String),
    /// The server writes of another revision or store than it said at first.
    #[error("{object} was read again and is not what was written: {reason}; it does not count")]
    NotKept {
        /// Which object.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A destination is another store's.
    #[error(
        "{destination} holds the backups of another store ({owner}), and this store is {store_id}; give it a destination of \
         its own, also where it was restored from a backup there"
    )]
    Foreign {
        /// The destination.
        destination: String,
        /// Whose it is.
        owner: StoreId,
        /// The store that wanted to write there.
        store_id: StoreId,
    },
    /// A backup of the name is there, and somebody else's.
    #[error(
        "{location} is another backup already, of revision {revision}, taken at {finished_at} for another resource or by hand; give \
         this one another name, or remove that folder"
    )]
    NameTaken {
        /// Its folder.
        location: String,
        /// Its revision.
        revision: u64,
        /// When it was taken.
        finished_at: jiff::Timestamp,
    },
    /// The store is behind what is kept of it.
    #[error(
        "the store is at revision {revision}, and {destination} has its revision {kept}: its volume is an older copy, or lost \
         writes; give it a destination of its own from now on"
    )]
    StepsBack {
        /// The destination.
        destination: String,
        /// The store's.
        revision: u64,
        /// The last that is kept.
        kept: u64,
    },
    /// The store went back behind what is kept of it, and on again.
    #[error(
        "the store's revision {revision} is another one than what {destination} has of it: its volume is an older copy, or lost \
         writes, and was written to again; give it a destination of its own from now on"
    )]
    WentBack {
        /// The destination.
        destination: String,
        /// The last revision that is kept.
        revision: u64,
    },
    /// The archive is of another past than a backup.
    #[error(
        "the backup `{name}` is not of the same past as the archive in {destination}: its revision {revision} is another one \
         there, as the store went back and on again; restore the backup itself, or go on from another one"
    )]
    OtherPast {
        /// The backup.
        name: String,
        /// The destination.
        destination: String,
        /// The backup's revision.
        revision: u64,
    },
    /// An object is not what it should be.
    #[error("cannot use {object}: {reason}")]
    Unreadable {
        /// Which object.
        object: String,
        /// What is wrong with it.
        reason: Unreadable,
    },
    /// An object of archived entries is damaged.
    #[error("{object} is damaged: {reason}; restore another revision, or another backup")]
    Damaged {
        /// Which object.
        object: String,
        /// What is wrong with it.
        reason: Damage,
    },
    /// An object of another store.
    #[error("{object} is of another store; somebody has put it there")]
    ForeignObject {
        /// Which object.
        object: String,
    },
    /// An object is gone that was there.
    #[error(
        "{object} is gone; somebody else removes what is there, or the destination does not keep what is written"
    )]
    Vanished {
        /// Which object.
        object: String,
    },
    /// There is nothing to go on behind.
    #[error("there is no backup in {destination} yet; the log is archived behind one, so take one first")]
    NothingToGoOnBehind {
        /// The destination.
        destination: String,
    },
    /// The log was compacted before it was archived.
    #[error(
        "the store's entries behind revision {after} were compacted away before they were archived; take a backup, the archive \
         goes on behind it, and archive more often than the log is compacted"
    )]
    Compacted {
        /// Where the archive ends.
        after: u64,
    },
    /// There is no such backup.
    #[error("there is no backup `{name}` in {destination}")]
    NoBackup {
        /// The name that was asked for.
        name: String,
        /// The destination.
        destination: String,
    },
    /// There is no backup at all.
    #[error("there is no backup in {destination}")]
    NoBackups {
        /// The destination.
        destination: String,
    },
    /// Every backup is later.
    #[error("no backup in {destination} is of revision {revision} or before it")]
    NoBackupAt {
        /// The revision that was asked for.
        revision: u64,
        /// The destination.
        destination: String,
    },
    /// A backup is later than what is to be restored.
    #[error(
        "the backup `{name}` is of revision {of}, which is behind revision {revision}; name an earlier one"
    )]
    Later {
        /// The backup.
        name: String,
        /// Its revision.
        of: u64,
        /// The revision that was asked for.
        revision: u64,
    },
    /// The archive has a gap.
    #[error(
        "revisions {} to {} are not in the archive in {destination}, so only what is up to revision {} can be restored from the \
         backup `{name}`",
        missing.first,
        missing.last,
        missing.first - 1
    )]
    Gap {
        /// The destination.
        destination: String,
        /// The backup that was to be gone on from.
        name: String,
        /// What is missing.
        missing: Missing,
    },
    /// The restore.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The data directory.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The report.
    #[error("cannot write the report to {path}: {source}")]
    Report {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The process was told to end.
    #[error("it was told to end before it was done; what is half done does not count, run it again")]
    Ended,
    /// A part of the program panicked.
    #[error("a part of the program ended by a fault: {0}")]
    Fault(#[from] tokio::task::JoinError),
}
