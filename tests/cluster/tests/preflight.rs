//! `scripts/preflight.sh`: what a machine lacks is said before anything long, all of it at once.

// Helpers of tests may panic as tests do; clippy's own exception covers only `#[test]` functions.
#![allow(clippy::unwrap_used)]

use std::{
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A folder that stands for PATH: the system's basic tools, and of the others those that are given.
fn path_with(programs: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let basic = [
        "apt-get", "bash", "cat", "df", "dirname", "env", "id", "paste", "sed", "sort", "tail", "true",
        "uname",
    ];
    for name in basic {
        let found = ["/usr/bin", "/bin"]
            .map(|folder| Path::new(folder).join(name))
            .into_iter()
            .find(|path| path.exists());
        if let Some(program) = found {
            symlink(program, folder.path().join(name)).unwrap();
        }
    }
    for (name, script) in programs {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn preflight(path: &Path, required_gib: &str) -> Output {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/preflight.sh");
    let mut command = Command::new("/bin/bash");
    command.arg(script).env("PATH", path).env("KIVI_REQUIRED_GIB", required_gib);
    command.output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn everything_that_is_missing_is_said_at_once_with_the_way_out() {
    let path = path_with(&[]);
    let output = preflight(path.path(), "900000");
    let words = words(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    for sentence in [
        "Rust: there is no cargo in PATH; install it by https://rustup.rs",
        "Go 1.26 or newer: there is no go in PATH; install it by https://go.dev/doc/install",
        "disk space: 900000 GiB are needed at ",
    ] {
        assert!(words.contains(sentence), "{sentence:?} is not in:\n{words}");
    }
}

#[test]
fn an_old_go_is_refused_by_its_version() {
    let path = path_with(&[("cargo", ""), ("go", "echo go1.19.8")]);
    let words = words(&preflight(path.path(), "0"));
    assert!(words.contains("Go 1.26 or newer: this is go1.19.8"), "{words}");
    assert!(
        !words.contains("Rust") && !words.contains("disk space"),
        "what is there is not complained of:\n{words}"
    );
}

#[test]
fn a_machine_that_lacks_nothing_passes_in_silence() {
    let path = path_with(&[("cargo", ""), ("go", "echo go1.26"), ("sudo", "")]);
    let output = preflight(path.path(), "0");
    assert!(output.status.success(), "{}", words(&output));
    assert!(words(&output).is_empty());
}
