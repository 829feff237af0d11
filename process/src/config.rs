//! Reads the configuration file, whole, before anything is bound or opened.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kivi_settings::{Settings, SettingsError};
use thiserror::Error;

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
    let text =
        fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(path, &text)
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

    #[test]
    fn a_missing_file_is_named() {
        let message = load(Some(Path::new("/nowhere/kivi.yaml"))).unwrap_err().to_string();
        assert!(message.starts_with("cannot read the configuration file /nowhere/kivi.yaml: "), "{message}");
    }
}
