//! How a process ends: 0 clean, [`USAGE`] when its flags or configuration cannot be used, 1 otherwise.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

/// Exit code of a bad flag or configuration (`EX_USAGE` of BSD's sysexits.h).
pub const USAGE: u8 = 64;

/// Says what is wrong with the flags or the configuration, and returns [`USAGE`].
pub fn usage(error: &dyn Error) -> ExitCode {
    say(error);
    ExitCode::from(USAGE)
}

/// Says what failed at run time, and returns 1.
pub fn failure(error: &dyn Error) -> ExitCode {
    say(error);
    ExitCode::FAILURE
}

/// One line on standard error. Errors whose text already holds their source's do not repeat it.
fn say(error: &dyn Error) {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(std::io::stderr(), "error: {}", sentence(error));
}

/// An error with those of its sources that its own text does not name already.
pub fn sentence(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Reads flags as clap does, but leaves with [`USAGE`] where clap would leave with 2.
///
/// # Errors
/// The code to leave with: 0 after `--help` or `--version`, [`USAGE`] after a bad flag.
pub fn parse_flags<F: clap::Parser>() -> Result<F, ExitCode> {
    F::try_parse().map_err(|error| {
        // Printing fails only where standard output or error is closed.
        let _ = error.print();
        if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error("cannot open the door")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_sentence_names_each_cause_once() {
        let error = Outer(io::Error::other("no key"));
        assert_eq!(sentence(&error), "cannot open the door: no key");
    }
}
