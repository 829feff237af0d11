//! What `kivi-server` does with a log that no server has open: check, dump, repair, restore. Reports go to standard output
//! as one JSON object; what goes wrong is one sentence on standard error and exit code 1.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use kivi_api::wire::{KeyText, ValueText};
use kivi_store::{Effect, LogEntry, LogError, Report, RestoreError};
use serde_json::{Value, json};
use thiserror::Error;

/// What to do instead of serving.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Look into the transaction log of a server that is stopped.
    Log {
        /// What to do with it.
        #[command(subcommand)]
        command: LogCommand,
    },
    /// Make a new log of a snapshot, in a data directory that has none.
    Restore {
        /// The snapshot, as the admin port's `GET /snapshot` gives it; `-` for standard input.
        #[arg(value_name = "FILE", default_value = "-")]
        snapshot: PathBuf,
    },
}

/// What to do with a log.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum LogCommand {
    /// Read and check all that a start reads; change nothing. Lists every damage it finds.
    Check,
    /// Print every entry, a line of JSON each.
    Dump {
        /// Only those behind this revision.
        #[arg(long, value_name = "REVISION", default_value_t = 0)]
        after: u64,
    },
    /// Cut a damaged log at its damage, so that it opens again; what is taken out is kept beside it.
    Repair,
}

/// Why a tool did not do it.
#[derive(Debug, Error)]
pub enum ToolError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The snapshot.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The file that was named.
    #[error("can't open {}: {error}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Standard output.
    #[error("can't write to standard output: {0}")]
    Output(#[from] io::Error),
    /// There is nothing to look at.
    #[error("there is no log in {}; name its directory with --data-dir", directory.display())]
    NoLog {
        /// The directory.
        directory: PathBuf,
    },
}

/// Does what a command says in the data directory.
///
/// # Errors
/// See [`ToolError`].
pub fn run(command: &Command, data_dir: &Path) -> Result<(), ToolError> {
    match command {
        Command::Restore { snapshot } => {
            let restored = if snapshot.as_os_str() == "-" {
                kivi_store::restore(data_dir, io::stdin().lock(), None)?
            } else {
                let open = |error| ToolError::Open { path: snapshot.clone(), error };
                kivi_store::restore(data_dir, io::BufReader::new(File::open(snapshot).map_err(open)?), None)?
            };
            print(&json!({
                "takenAtRevision": restored.sequence,
                "goesOnBehindRevision": restored.goes_on_behind,
                "keys": restored.keys,
                "stateHash": restored.hash.to_string(),
            }))
        }
        Command::Log { .. } if !data_dir.is_dir() => Err(ToolError::NoLog { directory: data_dir.to_owned() }),
        Command::Log { command: LogCommand::Check } => check(data_dir),
        Command::Log { command: LogCommand::Dump { after } } => dump(data_dir, *after),
        Command::Log { command: LogCommand::Repair } => {
            let repaired = kivi_store::repair(data_dir)?;
            print(&json!({
                "damage": repaired.damage,
                "kept": repaired.kept,
                "log": report(&repaired.report),
            }))
        }
    }
}

/// Fails with what a start would be refused for, behind a list of all damage.
fn check(data_dir: &Path) -> Result<(), ToolError> {
    let error = match kivi_store::check(data_dir, u64::MAX, &mut |_| Ok(())) {
        Ok(checked) => return print(&report(&checked)),
        Err(error) => error,
    };
    if error.is_damage() {
        let damage: Vec<_> = kivi_store::damage(data_dir)?.iter().map(damage).collect();
        print(&json!({ "damage": damage }))?;
    }
    Err(error.into())
}

fn damage(error: &LogError) -> Value {
    let (file, offset) = error.place().unzip();
    json!({"file": file, "offset": offset, "message": error.to_string()})
}

fn dump(data_dir: &Path, after: u64) -> Result<(), ToolError> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut failed = None;
    let checked = kivi_store::check(data_dir, after, &mut |entry| {
        if failed.is_none() {
            failed = writeln!(out, "{}", line(&entry)).err();
        }
        Ok(())
    });
    out.flush()?;
    failed.map_or(Ok(()), Err)?;
    checked?;
    Ok(())
}

fn line(entry: &LogEntry) -> Value {
    let changes = entry.record.changes.iter().map(|change| {
        let key = KeyText(change.key.to_vec());
        match &change.effect {
            Effect::Put { value, media_type, expires_ms } => json!({
                "put": {"key": key, "value": ValueText::of(value), "mediaType": media_type.as_deref(), "expiresMs": expires_ms},
            }),
            Effect::Delete => json!({"delete": {"key": key}}),
            Effect::Expire => json!({"expire": {"key": key}}),
        }
    });
    json!({
        "revision": entry.sequence,
        "writtenMs": entry.record.written_ms,
        "changes": changes.collect::<Vec<_>>(),
        "idempotencyKey": entry.record.remembered.as_ref().map(|request| KeyText(request.id.to_vec())),
    })
}

fn report(report: &Report) -> Value {
    let torn = report
        .torn
        .as_ref()
        .map(|(file, offset, reason)| json!({"file": file, "offset": offset, "reason": reason}));
    json!({
        "snapshotRevision": report.snapshot,
        "snapshotKeys": report.snapshot_keys,
        "segments": report.segments,
        "records": report.records,
        "lastRevision": report.tail,
        "tornTail": torn,
    })
}

fn print(value: &Value) -> Result<(), ToolError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{value}")?;
    Ok(())
}
