//! The end of a log, for error messages.

use std::{fs, path::Path};

const LINES: usize = 15;

/// The last lines of a file; empty if it cannot be read.
pub(crate) fn tail(path: &Path) -> String {
    let contents = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&contents);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_newest_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, (1..=20).map(|line| line.to_string()).collect::<Vec<_>>().join("\n")).unwrap();
        let tail = tail(&path);
        assert!(tail.starts_with("6\n") && tail.ends_with("\n20"), "{tail}");
    }
}
