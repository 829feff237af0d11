//! How log lines look.

use std::io::IsTerminal;

use tracing_subscriber::{Layer, Registry, fmt};

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl LogFormat {
    pub(super) fn layer(self) -> Box<dyn Layer<Registry> + Send + Sync> {
        let terminal = std::io::stderr().is_terminal();
        let json = match self {
            Self::Auto => !terminal,
            Self::Json => true,
            Self::Text => false,
        };
        if json {
            let lines =
                fmt::layer().json().flatten_event(true).with_current_span(false).with_span_list(false);
            Box::new(lines.with_writer(std::io::stderr))
        } else {
            Box::new(fmt::layer().with_ansi(terminal).with_writer(std::io::stderr))
        }
    }
}
