//! What a subcommand says in the end, as one JSON object that fits where Kubernetes reads it from a container
//! (`/dev/termination-log`: 4096 bytes).

use std::{fs, path::Path};

use serde::Serialize;
use serde_json::{Value, json};

use crate::Error;

/// The most that is read of a report, in bytes.
const MOST: usize = 4096;
/// What is left out of one that is longer, as far as need be: names of what was pruned.
const SHORTENED: &str = "pruned";
/// The longest sentence, in bytes.
const LONGEST_ERROR: usize = 3000;

/// What was done, as a report of at most 4096 bytes.
pub(crate) fn done(what: &impl Serialize) -> String {
    // Strings and numbers always make JSON.
    let mut report = serde_json::to_value(what).unwrap_or_default();
    loop {
        let text = report.to_string();
        let names = report.get_mut(SHORTENED).and_then(Value::as_array_mut);
        if text.len() <= MOST || names.and_then(Vec::pop).is_none() {
            return text;
        }
    }
}

/// Why nothing was done.
pub(crate) fn failed(sentence: &str) -> String {
    let end = (0..=LONGEST_ERROR.min(sentence.len())).rev().find(|end| sentence.is_char_boundary(*end));
    json!({"error": &sentence[..end.unwrap_or(0)]}).to_string()
}

/// Writes a report to where it is asked for.
///
/// # Errors
/// Names the file.
pub(crate) fn write(report: &str, file: Option<&Path>) -> Result<(), Error> {
    let Some(file) = file else { return Ok(()) };
    let written = fs::write(file, report);
    written.map_err(|source| Error::Report { path: file.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_fits_whatever_was_pruned() {
        let names: Vec<String> = (0..500).map(|number| format!("{number:0>100}")).collect();
        let report = done(&json!({"name": "x", "pruned": names, "oldestKept": "y"}));
        assert!((3900..=4096).contains(&report.len()), "{}", report.len());
        let read: Value = serde_json::from_str(&report).unwrap();
        assert_eq!((&read["name"], &read["pruned"][0]), (&json!("x"), &json!(names[0])));
        assert_eq!(read["oldestKept"], "y");
        assert!(failed(&"ä".repeat(4000)).len() <= 4096);
    }
}
