//! The command line: what the operator is asked to do, checked before anything starts.
//!
//! Every flag is an environment variable too, `KIVI_` and the flag's name. It must not do IO.

mod election;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use kivi_backup::cli::{ArchiveArgs, BackupArgs, RestoreArgs};
use kivi_process::telemetry::LogFormat;

pub use election::ElectionArgs;

/// The operator of Kivi's key-value stores.
#[derive(Debug, Parser)]
#[command(name = "kivi-operator", version = kivi_crds::RELEASE, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reconcile the cluster's stores until told to stop.
    #[command(args_override_self = true)]
    Run(Box<RunArgs>),
    /// Take a backup of a store, verify it, and remove those that have outlived their time.
    Backup(BackupArgs),
    /// Archive what was written to a store since the last time, so that it can be restored at any revision.
    Archive(ArchiveArgs),
    /// Make a new log of a backup, in a data directory that has none.
    Restore(RestoreArgs),
    /// Print the CustomResourceDefinitions as YAML, for `kubectl apply --server-side -f -`.
    Crd,
}

/// How to reconcile.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Image of the server, as a full reference.
    #[arg(long, env = "KIVI_SERVER_IMAGE", default_value_t = own_image("kivi-server"), value_parser = image)]
    pub server_image: String,

    /// Image of the sidecar, as a full reference.
    #[arg(long, env = "KIVI_SIDECAR_IMAGE", default_value_t = own_image("kivi-sidecar"), value_parser = image)]
    pub sidecar_image: String,

    /// Image of this operator itself, as a full reference: it is run to copy stores, and to read copies back.
    #[arg(long, env = "KIVI_OPERATOR_IMAGE", default_value_t = own_image("kivi-operator"), value_parser = image)]
    pub operator_image: String,

    /// A YAML file with the images of further versions, as in `0.2.0: {server: REF, sidecar: REF}`; it is followed.
    #[arg(long, env = "KIVI_CATALOG", value_name = "FILE")]
    pub catalog: Option<PathBuf>,

    /// When a node pulls these images.
    #[arg(long, env = "KIVI_IMAGE_PULL_POLICY", default_value = "IfNotPresent")]
    pub image_pull_policy: PullPolicy,

    /// The namespaces whose stores are reconciled, separated by commas; none means all.
    #[arg(long, env = "KIVI_WATCH_NAMESPACES", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,

    /// DNS domain of the cluster's Services: certificates carry names below it.
    #[arg(long, env = "KIVI_CLUSTER_DOMAIN", default_value = "cluster.local", value_parser = domain)]
    pub cluster_domain: String,

    /// Address of /startupz, /livez, /readyz and /metrics.
    #[arg(long, env = "KIVI_HEALTH_LISTEN", default_value = "0.0.0.0:8081")]
    pub health_listen: SocketAddr,

    /// How many stores are reconciled at once, from 1 to 1000.
    #[arg(long, env = "KIVI_CONCURRENCY", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub concurrency: u16,

    /// How many stores are rolled out at once where the operator or its catalog changes their pods, from 1 to 1000; what
    /// users change is not counted.
    #[arg(long, env = "KIVI_MAX_ROLLOUTS", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub max_rollouts: u16,

    /// Whether several operators take turns.
    #[command(flatten)]
    pub election: ElectionArgs,

    /// How logs are written.
    #[arg(long, env = "KIVI_LOG_FORMAT", default_value = "auto")]
    pub log_format: LogFormat,

    /// What is logged: a level, or directives as in `info,kube=debug`.
    #[arg(long, env = "KIVI_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
}

impl RunArgs {
    /// The namespaces whose stores are reconciled, each once; none means all.
    pub fn namespaces(&self) -> Vec<String> {
        // An environment variable that is set to nothing names nothing.
        let named = self.watch_namespaces.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
        named.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// When a node pulls an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PullPolicy {
    /// At each start of a container.
    #[value(name = "Always")]
    Always,
    /// When the node has none.
    #[value(name = "IfNotPresent")]
    IfNotPresent,
    /// Not at all.
    #[value(name = "Never")]
    Never,
}

impl PullPolicy {
    /// The policy of this word.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Always, Self::IfNotPresent, Self::Never].into_iter().find(|policy| policy.as_str() == word)
    }

    /// The word that a Pod uses for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// The image that `make images` builds of a program of this release.
fn own_image(program: &str) -> String {
    format!("localhost/kivi/{program}:{}", kivi_crds::RELEASE)
}

fn image(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err("write an image reference, as in `registry.example/kivi/kivi-server:0.1.0`".to_owned());
    }
    Ok(text.to_owned())
}

fn domain(text: &str) -> Result<String, String> {
    // A name of a store's Service is some 120 characters before it, and a DNS name has 253 at most.
    if text.len() > 100 || !kivi_crds::is_dns_name(text) {
        return Err("write a DNS domain of at most 100 characters, as in `cluster.local`".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(flags: &[&str]) -> Result<RunArgs, clap::Error> {
        let arguments = ["kivi-operator", "run"].iter().chain(flags);
        Cli::try_parse_from(arguments).map(|cli| match cli.command {
            Command::Run(args) => *args,
            _ => panic!("run was asked for"),
        })
    }

    #[test]
    fn without_flags_all_namespaces_are_watched_with_the_images_of_this_release() {
        let args = run(&[]).unwrap();
        assert_eq!(args.namespaces(), [""; 0]);
        assert_eq!(args.server_image, format!("localhost/kivi/kivi-server:{}", kivi_crds::RELEASE));
        assert_eq!(args.image_pull_policy.as_str(), "IfNotPresent");
        assert!(!args.election.leader_election, "one that is run by hand needs no right to Leases");
        assert!(args.election.timing().is_ok());
    }

    #[test]
    fn the_election_is_switched_with_and_without_a_word() {
        for (flag, on) in [
            ("--leader-election", true),
            ("--leader-election=true", true),
            ("--leader-election=false", false),
        ] {
            assert_eq!(run(&[flag]).unwrap().election.leader_election, on, "{flag}");
        }
        assert!(run(&["--lease-duration=10s"]).unwrap().election.timing().is_err());
    }

    #[test]
    fn namespaces_are_a_list_and_an_empty_one_is_all() {
        for (flag, names) in [("", &[][..]), ("shop", &["shop"]), ("shop, crew,,shop", &["crew", "shop"])] {
            assert_eq!(run(&["--watch-namespaces", flag]).unwrap().namespaces(), names, "{flag}");
        }
    }

    #[test]
    fn a_flag_that_cannot_be_used_is_named() {
        for (flag, value) in [
            ("--concurrency", "0"),
            ("--max-rollouts", "0"),
            ("--health-listen", "nowhere"),
            ("--image-pull-policy", "Sometimes"),
            ("--server-image", "a b"),
            ("--cluster-domain", "cluster.local."),
            ("--cluster-domain", "Cluster_local"),
            ("--lease-duration", "long"),
            ("--log-format", "xml"),
        ] {
            let error = run(&[flag, value]).unwrap_err().to_string();
            assert!(error.contains(flag), "{error}");
        }
    }
}
