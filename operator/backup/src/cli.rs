//! The subcommands `backup`, `archive` and `restore`: their flags, and what they end with.
//!
//! Every flag is an environment variable too, `KIVI_` and the flag's name.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use kivi_settings::DurationString;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::{
    BackupName, Error, archive, chain::Upto, destination::Destination, manifest, place::AnyPlace, report,
    restore, retention::Retention, server::Server, take,
};

/// How to reach the server.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// URL of the store, as in `https://orders.default.svc`.
    #[arg(long, value_name = "URL", env = "KIVI_SERVER")]
    pub server: String,
    /// PEM file of the authority that vouches for the store; needed for https.
    #[arg(long, value_name = "FILE", env = "KIVI_CA")]
    pub ca: Option<PathBuf>,
    /// Directory of bearer tokens, of which the first by name is sent.
    #[arg(long, value_name = "DIR", env = "KIVI_TOKENS_DIR")]
    pub tokens_dir: Option<PathBuf>,
}

/// Take a backup of a store, verify it, and remove those that have outlived their time.
#[derive(Debug, Clone, Args)]
pub struct BackupArgs {
    /// How to reach the server.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Where backups go: file:///path/prefix, or s3://bucket/prefix with the AWS_ variables of the environment.
    #[arg(long, value_name = "URL", env = "KIVI_TO")]
    pub to: Destination,
    /// Name of the backup; one that is there already is left as it is.
    #[arg(long, value_name = "NAME", env = "KIVI_NAME")]
    pub name: BackupName,
    /// Who asks for it, as the uid of a resource; one of this name that is there already has to be the same one's.
    #[arg(long, value_name = "UID", env = "KIVI_UID")]
    pub uid: Option<String>,
    /// How many of the newest backups stay.
    #[arg(long, value_name = "NUMBER", env = "KIVI_KEEP")]
    pub keep: Option<NonZeroUsize>,
    /// How long a backup stays; the newest stays in any case.
    #[arg(long, value_name = "DURATION", env = "KIVI_KEEP_FOR")]
    pub keep_for: Option<DurationString>,
    /// What the names begin with of those that are counted and removed, before a time as 20261127-0200; the others stay. Empty
    /// means all.
    #[arg(long, value_name = "TEXT", env = "KIVI_PRUNE_PREFIX", default_value = "")]
    pub prune_prefix: String,
    /// File that the outcome is written to as JSON, too.
    #[arg(long, value_name = "FILE", env = "KIVI_REPORT")]
    pub report: Option<PathBuf>,
}

/// Archive what was written to a store since the last time, so that it can be restored at any revision.
#[derive(Debug, Clone, Args)]
pub struct ArchiveArgs {
    /// How to reach the server.
    #[command(flatten)]
    pub server: ServerArgs,
    /// Where backups are: file:///path/prefix, or s3://bucket/prefix with the AWS_ variables of the environment.
    #[arg(long, value_name = "URL", env = "KIVI_TO")]
    pub to: Destination,
    /// Go on until SIGTERM, and archive so often.
    #[arg(
        long,
        value_name = "DURATION",
        env = "KIVI_EVERY",
        required_unless_present = "once",
        conflicts_with = "once"
    )]
    pub every: Option<DurationString>,
    /// Archive once.
    #[arg(long, env = "KIVI_ONCE")]
    pub once: bool,
    /// File that the outcome is written to as JSON, too.
    #[arg(long, value_name = "FILE", env = "KIVI_REPORT")]
    pub report: Option<PathBuf>,
}

/// Make a new log of a backup, in a data directory that has none.
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// Where backups are: file:///path/prefix, or s3://bucket/prefix with the AWS_ variables of the environment.
    #[arg(long, value_name = "URL", env = "KIVI_FROM")]
    pub from: Destination,
    /// Name of the backup, or `latest`: the newest one, of no later revision than is asked for.
    #[arg(long, value_name = "NAME", env = "KIVI_BACKUP", default_value = "latest")]
    pub backup: Which,
    /// Go on behind the backup to this revision of the store that it is of, or to the `latest` that is archived.
    #[arg(long, value_name = "REVISION", env = "KIVI_AT_REVISION", value_parser = upto)]
    pub at_revision: Option<Upto>,
    /// Directory of the new log.
    #[arg(long, value_name = "DIR", env = "KIVI_DATA_DIR")]
    pub data_dir: PathBuf,
    /// Do nothing where there is a log already.
    #[arg(long, env = "KIVI_UNLESS_EXISTS")]
    pub unless_exists: bool,
    /// File that the outcome is written to as JSON, too.
    #[arg(long, value_name = "FILE", env = "KIVI_REPORT")]
    pub report: Option<PathBuf>,
}

/// Which backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The newest that will do.
    Latest,
    /// This one.
    Named(BackupName),
}

impl FromStr for Which {
    type Err = crate::NoBackupName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "latest" { Ok(Self::Latest) } else { text.parse().map(Self::Named) }
    }
}

fn upto(text: &str) -> Result<Upto, String> {
    if text == "latest" {
        return Ok(Upto::Latest);
    }
    let refused = |_| "write a revision, a whole number, or `latest`".to_owned();
    text.parse().map(Upto::Revision).map_err(refused)
}

impl From<&ServerArgs> for Server {
    fn from(args: &ServerArgs) -> Self {
        Self { url: args.server.clone(), ca: args.ca.clone(), tokens_dir: args.tokens_dir.clone() }
    }
}

/// Takes a backup; returns the report, which was written to its file.
///
/// # Errors
/// Says in a sentence why there is no backup; that is in the report too.
pub async fn backup(args: &BackupArgs, shutdown: &CancellationToken) -> Result<String, Error> {
    let retention = Retention {
        keep: args.keep.map(NonZeroUsize::get),
        keep_for: args.keep_for.as_ref().map(DurationString::get),
        prefix: args.prune_prefix.clone(),
    };
    let order = take::Order { name: args.name.clone(), uid: args.uid.clone(), retention };
    let server = Server::from(&args.server);
    let taken = async { take::take(&place(&args.to)?, &server, &order, manifest::now).await };
    told(Box::pin(unless(shutdown, taken)).await, args.report.as_deref())
}

/// Archives, once or until `shutdown`; returns the last report.
///
/// # Errors
/// Says in a sentence why nothing was archived; that is in the report too. One that goes on only fails at its beginning.
pub async fn archive(args: &ArchiveArgs, shutdown: &CancellationToken) -> Result<String, Error> {
    let report = args.report.as_deref();
    let place = match place(&args.to) {
        Ok(place) => place,
        Err(error) => return told(Err::<(), _>(error), report),
    };
    let (server, mut archiver) = (Server::from(&args.server), archive::Archiver::default());
    let Some(every) = &args.every else {
        return told(unless(shutdown, archiver.archive(&place, &server)).await, report);
    };
    let mut last = String::new();
    while let Some(archived) = shutdown.run_until_cancelled(archiver.archive(&place, &server)).await {
        last = match told(archived, report) {
            Ok(said) => said,
            Err(error) => {
                tracing::warn!(%error, "The log was not archived; it is tried again.");
                report::failed(&error.to_string())
            }
        };
        if shutdown.run_until_cancelled(tokio::time::sleep(every.get())).await.is_none() {
            break;
        }
    }
    Ok(last)
}

/// Restores; returns the report, which was written to its file.
///
/// # Errors
/// Says in a sentence why nothing was restored; that is in the report too.
pub async fn restore(args: &RestoreArgs, shutdown: &CancellationToken) -> Result<String, Error> {
    let backup = match &args.backup {
        Which::Latest => None,
        Which::Named(name) => Some(name.clone()),
    };
    let order = restore::Order {
        backup,
        upto: args.at_revision,
        data_dir: args.data_dir.clone(),
        unless_exists: args.unless_exists,
    };
    let done = async {
        // Before anything else: the start of a store that is there depends on no destination.
        if restore::is_done(&order).await? {
            return Ok(restore::Done { restored: false, what: None });
        }
        restore::restore(&place(&args.from)?, &order).await
    };
    told(Box::pin(unless(shutdown, done)).await, args.report.as_deref())
}

/// Does it unless the process is to end before.
async fn unless<T>(
    shutdown: &CancellationToken,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    shutdown.run_until_cancelled(work).await.unwrap_or(Err(Error::Ended))
}

fn place(destination: &Destination) -> Result<AnyPlace, Error> {
    // What is not text is no variable of ours.
    let text = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(AnyPlace::of(destination, text)?)
}

/// Writes what came of it to the report, whatever it is.
fn told(outcome: Result<impl Serialize, Error>, file: Option<&Path>) -> Result<String, Error> {
    let said = outcome.map(|what| report::done(&what));
    match &said {
        Ok(said) => report::write(said, file)?,
        Err(error) => report::write(&report::failed(&error.to_string()), file)?,
    }
    said
}
