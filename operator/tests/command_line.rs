//! The program as a person meets it: what it prints, and how it leaves.

// Clippy knows `#[test]` functions, not the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn kivi_operator(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kivi-operator"))
        .args(arguments)
        // No API server is to be found, whatever the machine has.
        .env("KUBECONFIG", "/nonexistent")
        .env_remove("KUBERNETES_SERVICE_HOST")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn crd_prints_the_checked_in_definitions() {
    let output = kivi_operator(&["crd"]);
    let checked_in = ["keyvaluestores", "keyvaluestorebackups"].map(|name| {
        let path = format!("{}/../crds/{name}.kivi.dev.yaml", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).unwrap()
    });
    assert!(output.status.success());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), checked_in.join("---\n"));
}

#[test]
fn a_bad_flag_leaves_with_64_and_is_named() {
    for (flags, named) in [
        (["run", "--concurrency=0"], "--concurrency"),
        (["run", "--health-listen=nowhere"], "--health-listen"),
        (["run", "--log-level=a=b=c"], "--log-level"),
    ] {
        let output = kivi_operator(&flags);
        assert_eq!(output.status.code(), Some(64), "{flags:?}");
        assert!(said(&output).contains(named), "{}", said(&output));
    }
}

#[test]
fn without_an_api_server_it_leaves_with_1_and_says_how_to_name_one() {
    let output = kivi_operator(&["run"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("set KUBECONFIG"), "{}", said(&output));
}
