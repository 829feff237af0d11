//! One file a command: ask the cluster, say it. What is said is rendered by pure functions.

pub(crate) mod backup;
pub(crate) mod delete;
pub(crate) mod endpoint;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod put;
pub(crate) mod restart;
pub(crate) mod restore;
pub(crate) mod status;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

/// The bytes of a key or value as they stood on the command line.
fn bytes(text: &OsStr) -> &[u8] {
    text.as_bytes()
}
