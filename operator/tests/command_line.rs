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
        .env_remove("AWS_ACCESS_KEY_ID")
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

#[test]
fn what_is_no_destination_or_name_is_a_bad_flag() {
    for (flags, named) in [
        (
            ["restore", "--from=backups", "--data-dir=d"].as_slice(),
            "write file:///path or s3://bucket/prefix",
        ),
        (
            &["restore", "--from=file:///b", "--data-dir=d", "--at-revision=soon"],
            "a whole number, or `latest`",
        ),
        (&["backup", "--server=http://s", "--to=file:///b", "--name=A"], "is no name of a backup"),
        (&["archive", "--server=http://s", "--to=file:///b"], "--every"),
    ] {
        let output = kivi_operator(flags);
        assert_eq!(output.status.code(), Some(64), "{flags:?}");
        assert!(said(&output).contains(named), "{}", said(&output));
    }
}

#[test]
fn what_fails_is_one_sentence_and_the_same_in_the_report() {
    let dir = std::env::temp_dir().join(format!("kivi-command-line-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (data, report) = (dir.join("data"), dir.join("report"));
    let (data, report) = (data.to_str().unwrap(), report.to_str().unwrap());
    for (flags, sentence) in [
        (
            vec!["restore", "--from=file:///nothing/here", "--data-dir", data],
            "there is no backup in file:///nothing/here",
        ),
        (vec!["restore", "--from=s3://backups/x", "--data-dir", data], "set AWS_ACCESS_KEY_ID"),
        (
            vec!["backup", "--server=http://127.0.0.1:1", "--to=file:///nothing/here", "--name=a"],
            "cannot get a snapshot of the store",
        ),
        (vec!["archive", "--server=http://127.0.0.1:1", "--to=s3://b", "--once"], "set AWS_ACCESS_KEY_ID"),
    ] {
        let output = kivi_operator(&[&flags[..], &["--report", report]].concat());
        assert_eq!(output.status.code(), Some(1), "{flags:?}");
        assert!(said(&output).contains(sentence), "{}", said(&output));
        assert!(output.stdout.is_empty());
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
        assert!(report["error"].as_str().unwrap().contains(sentence), "{report}");
    }
    std::fs::remove_dir_all(&dir).unwrap();
}
