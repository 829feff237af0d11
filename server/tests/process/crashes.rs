//! What was acknowledged survives SIGTERM and SIGKILL; what was damaged is not served.

use std::path::{Path, PathBuf};

use crate::binary::{Binary, flags_in, outcome};

fn put(binary: &Binary, number: u32) {
    let (status, _) = binary.ask(&format!("PUT /v1/key%2F{number}"), &format!("the value of {number}"));
    assert_eq!(status, 201);
}

fn assert_holds(binary: &Binary, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let found = binary.ask(&format!("GET /v1/key%2F{number}"), "");
        assert_eq!(found, (200, format!("the value of {number}")));
    }
}

#[test]
fn everything_acknowledged_survives_kill_9_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let binary = Binary::start(dir.path());
        assert_holds(&binary, 0..round * 25);
        (round * 25..(round + 1) * 25).for_each(|number| put(&binary, number));
        binary.kill();
    }
    let binary = Binary::start(dir.path());
    assert_holds(&binary, 0..100);
    assert_eq!(binary.terminate().code(), Some(0));
}

#[test]
fn sigterm_is_a_clean_end() {
    let dir = tempfile::tempdir().unwrap();
    let binary = Binary::start(dir.path());
    put(&binary, 0);
    assert_eq!(binary.terminate().code(), Some(0));
    let binary = Binary::start(dir.path());
    assert_holds(&binary, 0..1);
}

#[test]
fn a_damaged_log_is_refused_with_file_and_offset_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let binary = Binary::start(dir.path());
    (0..10).for_each(|number| put(&binary, number));
    binary.kill();
    let (segment, at) = find(&dir.path().join("data"), b"the value of 3").unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&segment, &bytes).unwrap();

    let flags = flags_in(dir.path());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let (code, stderr) = outcome(&flags);
    assert_eq!(code, Some(1), "{stderr}");
    let last = stderr.trim_end().lines().last().unwrap();
    assert!(last.contains(segment.to_str().unwrap()), "{last}");
    assert!(last.contains("at byte "), "{last}");
    assert_eq!(std::fs::read(&segment).unwrap(), bytes, "a damaged log is evidence");
}

/// The file and the place in it where `needle` stands.
fn find(dir: &Path, needle: &[u8]) -> Option<(PathBuf, usize)> {
    std::fs::read_dir(dir).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return find(&path, needle);
        }
        let bytes = std::fs::read(&path).unwrap();
        let at = bytes.windows(needle.len()).position(|window| window == needle)?;
        Some((path, at))
    })
}
