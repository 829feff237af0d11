//! The command line, in kubectl's manner: `kubectl kivi COMMAND STORE ... -n NAMESPACE`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use kivi_crds::AtRevision;

/// Looks after Kivi's key-value stores, and reads and writes their keys.
#[derive(Debug, Parser)]
#[command(name = "kubectl-kivi", bin_name = "kubectl kivi", version)]
pub struct Arguments {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which cluster and namespace, as in kubectl.
#[derive(Debug, Args)]
pub(crate) struct Connection {
    /// Namespace of the store; the context's own by default.
    #[arg(short, long, global = true)]
    pub(crate) namespace: Option<String>,
    /// Context of the kubeconfig; its current one by default.
    #[arg(long, global = true)]
    pub(crate) context: Option<String>,
    /// Path of the kubeconfig; $KUBECONFIG or ~/.kube/config by default.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the stores.
    List {
        /// In all namespaces.
        #[arg(short = 'A', long)]
        all_namespaces: bool,
    },
    /// Shows what a store is, how it is, and why.
    Status {
        /// Name of the store.
        store: String,
    },
    /// Restarts the pods of a store, one at a time.
    Restart {
        /// Name of the store.
        store: String,
    },
    /// Copies a store once, to where its spec says.
    Backup(Backup),
    /// Makes a store that begins with a backup, and is otherwise like the one that was copied.
    Restore(Restore),
    /// Prints a store's URL inside the cluster.
    Endpoint {
        /// Name of the store.
        store: String,
    },
    /// Writes the value of a key to the standard output, byte for byte.
    Get {
        /// Name of the store.
        store: String,
        /// The key, any bytes.
        key: OsString,
    },
    /// Stores a value under a key.
    Put(Put),
    /// Deletes a key; that it is absent is no error.
    Delete {
        /// Name of the store.
        store: String,
        /// The key, any bytes.
        key: OsString,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Put {
    /// Name of the store.
    pub(crate) store: String,
    /// The key, any bytes.
    pub(crate) key: OsString,
    /// The value; `-` or none reads it from the standard input.
    pub(crate) value: Option<OsString>,
    /// Media type of the value, which readers get as Content-Type.
    #[arg(short = 't', long, value_name = "TYPE")]
    pub(crate) media_type: Option<http::HeaderValue>,
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Name of the store.
    pub(crate) store: String,
    /// Name of the backup; by default the store's and the time.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Wait until it is complete; that it failed is an error. It goes on when you no longer wait.
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// Name of the new store.
    pub(crate) store: String,
    /// Name of the backup.
    #[arg(long, value_name = "BACKUP")]
    pub(crate) from: String,
    /// Go on behind the backup, by the copied log: to this revision of the store that was copied, or to the `latest`.
    #[arg(long, value_name = "NUMBER", value_parser = revision)]
    pub(crate) revision: Option<AtRevision>,
    /// Only print the new store, as YAML for `kubectl apply`.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

fn revision(text: &str) -> Result<AtRevision, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(AtRevision::Revision(number)),
        _ if text == "latest" => Ok(AtRevision::Text(text.to_owned())),
        _ => Err("write a number from 1, or `latest`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(std::iter::once("kubectl-kivi").chain(line.iter().copied()))
    }

    #[test]
    fn kubectls_flags_stand_before_or_after_the_command() {
        for line in [
            ["-n", "shop", "--context", "test", "status", "orders"],
            ["status", "orders", "--namespace", "shop", "--context", "test"],
        ] {
            let arguments = parse(&line).unwrap();
            assert_eq!(arguments.connection.namespace.as_deref(), Some("shop"));
            assert_eq!(arguments.connection.context.as_deref(), Some("test"));
            assert!(matches!(arguments.command, Command::Status { store } if store == "orders"));
        }
    }

    #[test]
    fn help_speaks_of_kubectl_kivi() {
        let help = Arguments::command().render_help().to_string();
        assert!(help.contains("Usage: kubectl kivi [OPTIONS] <COMMAND>"), "{help}");
    }

    #[test]
    fn a_key_may_be_any_bytes_and_a_value_may_be_left_out() {
        let key = OsString::from_vec(vec![0xff, b'/', b' ']);
        let line = ["kubectl-kivi", "put", "orders"].map(OsString::from).into_iter().chain([key.clone()]);
        let arguments = Arguments::try_parse_from(line).unwrap();
        let Command::Put(put) = arguments.command else { panic!("not a put") };
        assert_eq!((put.key, put.value), (key, None));
    }

    #[test]
    fn a_revision_is_a_number_or_the_latest() {
        let of = |text| match parse(&["restore", "again", "--from", "first", "--revision", text])?.command {
            Command::Restore(restore) => Ok(restore.revision.unwrap().to_string()),
            _ => panic!("not a restore"),
        };
        for text in ["7", "latest"] {
            assert_eq!(of(text).unwrap(), text);
        }
        for text in ["0", "1.5", "first"] {
            let error: clap::Error = of(text).unwrap_err();
            assert!(error.to_string().contains("--revision"), "{error}");
        }
        assert!(parse(&["restore", "again"]).unwrap_err().to_string().contains("--from <BACKUP>"));
    }

    #[test]
    fn a_media_type_that_no_header_can_carry_is_refused() {
        let error = parse(&["put", "orders", "k", "v", "-t", "a\nb"]).unwrap_err().to_string();
        assert!(error.contains("--media-type"), "{error}");
    }
}
