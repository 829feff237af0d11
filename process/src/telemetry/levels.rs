//! The log level, changed while a process runs.

use std::sync::Arc;

use thiserror::Error;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Registry, reload};

/// A handle on the log level.
#[derive(Clone)]
pub struct LogLevels(Arc<reload::Handle<Targets, Registry>>);

/// Why a log level cannot be used.
#[derive(Debug, Error)]
pub enum LogLevelError {
    /// The text is not a level nor a list of directives.
    #[error(
        "`{text}` is not a log level: write error, warn, info, debug or trace, or directives as in `info,kivi_store=debug`"
    )]
    Parse {
        /// What was written.
        text: String,
    },
    /// The process is going down.
    #[error("the log level can no longer be changed: {0}")]
    Gone(#[from] reload::Error),
}

impl LogLevels {
    pub(super) fn new(handle: reload::Handle<Targets, Registry>) -> Self {
        Self(Arc::new(handle))
    }

    /// Sets the level from now on.
    ///
    /// # Errors
    /// When the text is not a level.
    pub fn set(&self, text: &str) -> Result<(), LogLevelError> {
        Ok(self.0.reload(parse(text)?)?)
    }
}

/// A level, or directives; a bare word that is no level would silently be taken for a target's name.
/// Targets by name are enough here, and spare every image the engine of regular expressions that
/// `EnvFilter` brings for spans and fields.
pub(super) fn parse(text: &str) -> Result<Targets, LogLevelError> {
    let refused = || LogLevelError::Parse { text: text.to_owned() };
    let is_level = |word: &str| {
        matches!(word.to_ascii_lowercase().as_str(), "off" | "error" | "warn" | "info" | "debug" | "trace")
    };
    let well_formed = !text.is_empty()
        && text.split(',').all(|directive| match directive.rsplit_once('=') {
            Some((target, level)) => !target.is_empty() && is_level(level),
            None => is_level(directive),
        });
    if !well_formed {
        return Err(refused());
    }
    text.parse().map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_read_and_typos_refused() {
        for text in ["info", "DEBUG", "off", "info,kivi_store=debug"] {
            parse(text).unwrap();
        }
        for text in ["", "inf", "info,", "kivi_store=loud", "=info"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("is not a log level"), "{text}: {error}");
        }
    }

    #[test]
    fn a_new_level_replaces_the_old() {
        let (layer, handle) = reload::Layer::<Targets, Registry>::new(parse("info").unwrap());
        let levels = LogLevels::new(handle);
        levels.set("trace").unwrap();
        assert!(levels.set("nonsense").is_err());
        drop(layer);
        assert!(matches!(levels.set("info"), Err(LogLevelError::Gone(_))));
    }
}
