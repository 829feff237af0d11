//! Redis with its append-only file.

use super::{
    Api, Programs, Subject,
    process::{Process, answers, free_address},
};
use crate::error::BenchError;

/// `sync` is its `appendfsync`.
pub(super) fn start(programs: &Programs, name: &'static str, sync: &str) -> Result<Subject, BenchError> {
    let (folder, address) = (Process::folder(&programs.scratch)?, free_address()?);
    let mut process = Process::start(name, folder, &programs.redis, |command| {
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
        // No snapshots and no rewrite of its file beside the load: only the writes are measured.
        command.args(["--save", "", "--auto-aof-rewrite-percentage", "0"]);
        command.args(["--appendonly", "yes", "--appendfsync", sync]);
    })?;
    process.wait(|| answers(address, "PING\r\n", "+PONG"))?;
    Ok(Subject { name, address, api: Api::Redis, health: None, process })
}
