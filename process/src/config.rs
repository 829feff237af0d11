//! Reads the configuration file, whole, before anything is bound or opened, and again whenever it changes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kivi_settings::{Settings, SettingsError};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::watch;

/// Why a configuration file cannot be used; each message names the file and the field.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not YAML, or a field has the wrong type or is unknown.
    #[error("{}: {field}: {message}", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Dotted path of the field, `.` for the whole file.
        field: String,
        /// What is wrong with it, with line and column.
        message: String,
    },
    /// A field is out of its bounds.
    #[error("{}: {source}", path.display())]
    Bounds {
        /// Which file.
        path: PathBuf,
        /// Which field, and its bounds.
        source: SettingsError,
    },
}

/// Reads and checks `path`; without a path, every field has its default.
///
/// # Errors
/// Names the file, and the first field that cannot be used.
pub fn load(path: Option<&Path>) -> Result<Settings, ConfigError> {
    let Some(path) = path else {
        return Ok(Settings::default());
    };
    parse(path, &read(path)?)
}

/// Calls `changed` with what `path` says: at once, and whenever its content is another than before, until `shutdown`.
/// A file that cannot be used is told once.
pub async fn follow(
    path: &Path,
    shutdown: CancellationToken,
    mut changed: impl FnMut(Result<Settings, ConfigError>),
) {
    watch::follow(path, shutdown, |text| {
        let text = text.map_err(|source| ConfigError::Read { path: path.to_owned(), source });
        changed(text.and_then(|text| parse(path, &text)));
    })
    .await;
}

fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })
}

fn parse(path: &Path, text: &str) -> Result<Settings, ConfigError> {
    // An empty document is YAML's null; people mean "all defaults" by it.
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Settings::default());
    }
    let settings: Settings = serde_path_to_error::deserialize(serde_yaml::Deserializer::from_str(text))
        .map_err(|error| {
            let field = error.path().to_string();
            let message = without_path(&field, &error.into_inner().to_string());
            ConfigError::Parse { path: path.to_owned(), field, message }
        })?;
    settings.check().map_err(|source| ConfigError::Bounds { path: path.to_owned(), source })?;
    Ok(settings)
}

/// The YAML reader starts some messages with the path of a parent; the field is named already.
fn without_path(field: &str, message: &str) -> String {
    match message.split_once(": ") {
        Some((path, rest)) if field.starts_with(path) => rest.to_owned(),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(Path::new("kivi.yaml"), text).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_means_defaults() {
        assert_eq!(parse(Path::new("kivi.yaml"), "# nothing\n\n").unwrap(), Settings::default());
        assert_eq!(load(None).unwrap(), Settings::default());
    }

    #[test]
    fn each_refusal_names_file_and_field() {
        for (text, expected) in [
            ("limits: {keyBytes: many}", "kivi.yaml: limits.keyBytes: "),
            ("limits: {keyBites: 5}", "unknown field `keyBites`"),
            ("sidecar: {throttle: {rate: 0}}", "kivi.yaml: sidecar.throttle.rate: 0 is out of bounds"),
            ("sidecar: {timeouts: {request: soon}}", "sidecar.timeouts.request: `soon` is not a duration"),
            ("limits: [", "kivi.yaml: "),
        ] {
            let message = refusal(text);
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_told_once_also_through_a_link_that_is_swapped() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        // As the kubelet mounts a ConfigMap: file -> ..data -> a directory of one version.
        for (version, text) in
            [("1", "limits: {keyBytes: 1}"), ("2", "limits: {keyBytes: 2}"), ("3", "limits: 3")]
        {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("kivi.yaml"), text).unwrap();
        }
        let swap = |version: &str| {
            std::os::unix::fs::symlink(version, at("..new")).unwrap();
            fs::rename(at("..new"), at("..data")).unwrap();
        };
        swap("1");
        std::os::unix::fs::symlink("..data/kivi.yaml", at("kivi.yaml")).unwrap();

        let (told, mut changes) = tokio::sync::mpsc::unbounded_channel();
        let (path, shutdown) = (at("kivi.yaml"), CancellationToken::new());
        let ends = shutdown.clone();
        let following = tokio::spawn(async move {
            let key_bytes = |settings: Settings| settings.limits.key_bytes;
            let tell = |read: Result<Settings, ConfigError>| {
                told.send(read.map(key_bytes).map_err(|error| error.to_string())).unwrap();
            };
            follow(&path, ends, tell).await;
        });
        let mut told = async || {
            tokio::time::sleep(watch::INTERVAL * 3).await;
            let first = changes.try_recv().ok();
            assert!(changes.try_recv().is_err(), "it is told once");
            first
        };
        assert_eq!(told().await, Some(Ok(1)), "what it says at first is told too");
        assert_eq!(told().await, None);
        swap("2");
        assert_eq!(told().await, Some(Ok(2)));
        swap("3");
        assert!(told().await.unwrap().unwrap_err().contains("kivi.yaml: limits: "));
        fs::remove_file(at("kivi.yaml")).unwrap();
        assert!(told().await.unwrap().unwrap_err().starts_with("cannot read the configuration file"));
        shutdown.cancel();
        following.await.unwrap();
    }

    #[test]
    fn a_missing_file_is_named() {
        let message = load(Some(Path::new("/nowhere/kivi.yaml"))).unwrap_err().to_string();
        assert!(message.starts_with("cannot read the configuration file /nowhere/kivi.yaml: "), "{message}");
    }
}
