//! Why a setting's text was refused, as one sentence with the way out.

use thiserror::Error;

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// The text is not a duration.
    #[error(
        "`{text}` is not a duration: write whole numbers with the units h, m, s or ms, as in `1h30m` or `250ms`"
    )]
    Duration {
        /// What was written.
        text: String,
    },
    /// The text is not a quantity of bytes.
    #[error(
        "`{text}` is not a quantity of bytes: write a whole number, with one of the suffixes Ki, Mi, Gi, Ti, k, M, G, T if needed, as in `64Mi`"
    )]
    Quantity {
        /// What was written.
        text: String,
    },
    /// The text is not a step of growth.
    #[error("`{text}` is not a step: write bytes as in `1Gi`, or percent from 1% to 100% as in `25%`")]
    Step {
        /// What was written.
        text: String,
    },
    /// The text is not a ratio.
    #[error("`{text}` is not a ratio: write a decimal from \"0\" to \"1\", as in \"0.25\"")]
    Ratio {
        /// What was written.
        text: String,
    },
    /// The text says nothing that the cache's entries can be separated by.
    #[error(
        "`{text}` separates no entries: write Token, Client or Header=NAME, as in `Header=X-Account`, with a name of at most 64 letters, digits and hyphens"
    )]
    SplitBy {
        /// What was written.
        text: String,
    },
    /// The field's value is well formed but outside its bounds.
    #[error("{field}: {value} is out of bounds: {bounds}")]
    Bounds {
        /// Dotted path of the field, as under `spec`.
        field: &'static str,
        /// What was written.
        value: String,
        /// What is allowed.
        bounds: &'static str,
    },
    /// A field stands without the field that it needs.
    #[error("{field}: {reason}")]
    Incomplete {
        /// Dotted path of the field, as under `spec`.
        field: &'static str,
        /// What is missing.
        reason: &'static str,
    },
}
