//! Helper programs: run to the end, with their words in the error.

use std::process::{Command, Output, Stdio};

use crate::error::ClusterError;

/// Runs a command that must succeed.
pub(crate) fn run(command: &mut Command) -> Result<(), ClusterError> {
    output(command).map(drop)
}

/// Runs a command that must succeed, and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String, ClusterError> {
    let output = attempt(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ClusterError::Command {
        command: describe(command),
        message: match String::from_utf8_lossy(&output.stderr).trim() {
            "" => output.status.to_string(),
            words => words.to_owned(),
        },
    })
}

/// Runs a command that may fail; an error means that it could not be started.
pub(crate) fn attempt(command: &mut Command) -> Result<Output, ClusterError> {
    command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| ClusterError::Command { command: describe(command), message: source.to_string() })
}

/// The command line as a person would type it.
fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_carries_the_command_line_and_its_words() {
        let error = run(Command::new("sh").args(["-c", "echo no such thing >&2; exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c echo no such thing >&2; exit 3` failed: no such thing");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("/nowhere/kivi")).unwrap_err();
        assert!(error.to_string().starts_with("`/nowhere/kivi` failed: No such file"), "{error}");
    }
}
