//! A real data set that every Debian machine has: its package index, from `apt-cache dumpavail`.
//!
//! Key: the package's name with its odd characters (`g++-12`, `libstdc++6`). Value: the whole stanza,
//! some hundred bytes to some kilobytes of UTF-8 text.

use std::process::Command;

use crate::Failure;

/// One package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The package's name.
    pub key: String,
    /// Its stanza, byte for byte.
    pub value: Vec<u8>,
}

/// The first `count` packages of the machine's index, one a name.
///
/// # Errors
/// When `apt-cache` cannot run or knows fewer packages.
pub fn load(count: usize) -> Result<Vec<Record>, Failure> {
    let what = "reading the package index with `apt-cache dumpavail`";
    let output =
        Command::new("apt-cache").arg("dumpavail").output().map_err(|error| Failure::doing(what, error))?;
    let records = parse(&output.stdout, count);
    if records.len() < count {
        let found = records.len();
        return Err(Failure::doing(what, format!("{found} packages of {count}; run `apt-get update` first")));
    }
    Ok(records)
}

/// The first `count` stanzas with distinct names. Half of them are taken for their odd names, where the
/// index has as many, because plain names prove little.
fn parse(index: &[u8], count: usize) -> Vec<Record> {
    let mut seen = std::collections::HashSet::new();
    let (odd, plain): (Vec<_>, Vec<_>) = stanzas(index)
        .filter_map(|value| Some(Record { key: name(value)?, value: value.to_vec() }))
        .filter(|record| seen.insert(record.key.clone()))
        .partition(|record| record.key.contains(['+', '.', '~', ':']));
    odd.into_iter().take(count / 2).chain(plain).take(count).collect()
}

fn stanzas(index: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = index;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| *byte != b'\n')?;
        rest = &rest[start..];
        let end = rest.windows(2).position(|pair| pair == b"\n\n").map_or(rest.len(), |at| at + 1);
        let (stanza, tail) = rest.split_at(end);
        rest = tail;
        Some(stanza)
    })
}

fn name(stanza: &[u8]) -> Option<String> {
    let line = stanza.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Package: "))?;
    String::from_utf8(line.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &[u8] =
        b"Package: a\nVersion: 1\n\nPackage: g++-12\nDescription: x\n y\n\nPackage: a\nVersion: 2\n\n\nPackage: b\n";

    #[test]
    fn each_name_comes_once_with_its_whole_stanza_and_odd_names_first() {
        let records = parse(INDEX, 10);
        let keys: Vec<_> = records.iter().map(|record| record.key.as_str()).collect();
        assert_eq!(keys, ["g++-12", "a", "b"]);
        assert_eq!(records[0].value, b"Package: g++-12\nDescription: x\n y\n");
        assert_eq!(records[1].value, b"Package: a\nVersion: 1\n");
    }

    #[test]
    fn no_more_than_asked_for() {
        assert_eq!(parse(INDEX, 2).len(), 2);
        assert!(parse(b"", 2).is_empty());
    }
}
