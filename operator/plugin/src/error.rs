//! Why a command failed, as one sentence with the way out.

use std::io;
use std::path::PathBuf;

use kivi_api::ClientError;
use thiserror::Error;

/// A command that failed.
#[derive(Debug, Error)]
pub enum PluginError {
    /// The kubeconfig is missing, malformed, or lacks the context.
    #[error("{}: {reason}; name another file with --kubeconfig or another context with --context", place(.path.as_ref()))]
    Kubeconfig {
        /// The file that the user named, if any.
        path: Option<PathBuf>,
        /// What is wrong with it.
        reason: String,
    },
    /// A call of the API server failed.
    #[error("{action}: {reason}")]
    Cluster {
        /// What was being done, to what.
        action: String,
        /// What the API server said.
        reason: String,
    },
    /// The cluster has no such resource kind.
    #[error("the cluster does not know key-value stores: install the chart `kivi-operator` first")]
    NoKind,
    /// There is no such store.
    #[error(
        "there is no store `{store}` in namespace `{namespace}`: `kubectl kivi list -A` shows those there are"
    )]
    NoStore {
        /// Its name.
        store: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// There is such a store already.
    #[error(
        "there is a store `{store}` in namespace `{namespace}` already: a store begins once, so name another"
    )]
    StoreExists {
        /// Its name.
        store: String,
        /// Its namespace.
        namespace: String,
    },
    /// The store does not say where backups go.
    #[error(
        "store `{store}` does not say where its backups go: write spec.backup.destination, or make a KeyValueStoreBackup with a destination of its own"
    )]
    NoDestination {
        /// The store's name.
        store: String,
    },
    /// There is no such backup.
    #[error(
        "there is no backup `{backup}` in namespace `{namespace}`: `kubectl get kvsb -n {namespace}` shows those there are"
    )]
    NoBackup {
        /// Its name.
        backup: String,
        /// Where it was looked for.
        namespace: String,
    },
    /// The backup will not be made.
    #[error("backup `{backup}` failed: {why}")]
    BackupFailed {
        /// Its name.
        backup: String,
        /// What it says itself.
        why: String,
    },
    /// The backup is later than what is to be restored.
    #[error(
        "backup `{backup}` holds revision {holds}, which is behind revision {revision}: name an earlier one"
    )]
    BackupLater {
        /// Its name.
        backup: String,
        /// Its revision.
        holds: i64,
        /// The revision that was asked for.
        revision: i64,
    },
    /// The store that was copied is gone, and its spec with it.
    #[error(
        "store `{source_store}`, of which backup `{backup}` is, is gone, and so is its spec: write a KeyValueStore with spec.bootstrap.fromBackup.name: {backup}"
    )]
    SourceGone {
        /// Name of the store that was copied.
        source_store: String,
        /// The backup's name.
        backup: String,
    },
    /// No pod can answer now.
    #[error("no pod of store `{store}` is ready: `kubectl kivi status {store} -n {namespace}` says why")]
    NoReadyPod {
        /// The store's name.
        store: String,
        /// Its namespace.
        namespace: String,
    },
    /// The status holds no URL yet.
    #[error("store `{store}` has no endpoint yet: `kubectl kivi status {store} -n {namespace}` says why")]
    NoEndpoint {
        /// The store's name.
        store: String,
        /// Its namespace.
        namespace: String,
    },
    /// A Secret or ConfigMap lacks what it should hold.
    #[error("{object} has no usable `{key}`: {hint}")]
    NoData {
        /// The object, as kubectl names it.
        object: String,
        /// The missing key.
        key: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// The pod could not be reached through the API server.
    #[error("forwarding to pod `{pod}`: {reason}")]
    Forward {
        /// Its name.
        pod: String,
        /// What happened.
        reason: String,
    },
    /// The store did not answer, or answered with an error.
    #[error("store `{store}`: {source}")]
    Store {
        /// Its name.
        store: String,
        /// What it said.
        source: Box<ClientError>,
    },
    /// The key has no value.
    #[error("store `{store}` has no value under `{key}`")]
    NoValue {
        /// The store's name.
        store: String,
        /// The key, as text.
        key: String,
    },
    /// The standard input or output failed.
    #[error("reading or writing: {0}")]
    Io(#[from] io::Error),
}

fn place(path: Option<&PathBuf>) -> String {
    path.map_or_else(|| "kubeconfig".to_owned(), |path| path.display().to_string())
}

impl PluginError {
    /// A failed call of the API server: its own sentence, without the debug output around it.
    pub(crate) fn cluster(action: impl Into<String>, error: &kube::Error) -> Self {
        let reason = match error {
            kube::Error::Api(status) => status.message.clone(),
            other => chain(other),
        };
        Self::Cluster { action: action.into(), reason }
    }
}

/// The error and its causes; the outermost of a connection's says little.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_name_the_thing_and_the_way_out() {
        let store = || "orders".to_owned();
        let namespace = || "shop".to_owned();
        for (error, parts) in [
            (
                PluginError::NoStore { store: store(), namespace: namespace() },
                ["`orders`", "kubectl kivi list -A"],
            ),
            (
                PluginError::NoReadyPod { store: store(), namespace: namespace() },
                ["`orders`", "kubectl kivi status orders -n shop"],
            ),
            (
                PluginError::Kubeconfig { path: Some("/x".into()), reason: "no such file".into() },
                ["/x: no such file", "--kubeconfig"],
            ),
        ] {
            let text = error.to_string();
            for part in parts {
                assert!(text.contains(part), "{text}");
            }
        }
    }

    #[test]
    fn a_cause_is_said_once() {
        let error = io::Error::other(io::Error::other("connection refused"));
        assert_eq!(chain(&error), "connection refused");
    }
}
