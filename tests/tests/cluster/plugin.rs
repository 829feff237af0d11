//! `kubectl kivi` does by itself what the README does with a token, a CA and a port-forward.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::stage::Stage;

/// The plugin that was built beside this test.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("kubectl-kivi");
    assert!(path.exists(), "{} is missing: cargo build --package kubectl-kivi", path.display());
    path
}

pub(crate) fn kivi(stage: &Stage, args: &[&str]) -> Output {
    Command::new(program())
        .env("KUBECONFIG", stage.kubectl.kubeconfig())
        .args(["--namespace", stage.kubectl.current_namespace()])
        .args(args)
        .output()
        .unwrap()
}

pub(crate) fn said(output: &Output) -> (bool, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn a_value_goes_in_and_comes_out_by_name() {
    let stage = Stage::open("plugin").await;
    drop(stage.ready_store("orders", "{}").await);

    let (ok, text) = said(&kivi(&stage, &["put", "orders", "a/b c%", "hello"]));
    assert!(ok, "{text}");
    let read = kivi(&stage, &["get", "orders", "a/b c%"]);
    assert_eq!(read.stdout, b"hello", "{}", said(&read).1);
    let (ok, text) = said(&kivi(&stage, &["delete", "orders", "a/b c%"]));
    assert!(ok, "{text}");
    let (ok, text) = said(&kivi(&stage, &["get", "orders", "a/b c%"]));
    assert!(!ok && text.contains("no value"), "{text}");

    let (ok, text) = said(&kivi(&stage, &["list"]));
    assert!(ok && text.contains("orders"), "{text}");
    let (ok, text) = said(&kivi(&stage, &["status", "nobody"]));
    assert!(!ok && text.contains("nobody"), "{text}");
}
