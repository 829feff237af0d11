//! What is done with a log offline, and with copies of a store, by the binary itself.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::binary::{Binary, command};

/// Runs a tool on the data of the server in `dir`.
fn tool(dir: &Path, arguments: &[&str]) -> Output {
    let data = dir.join("data");
    let arguments = [arguments, &["--data-dir", data.to_str().unwrap()]].concat();
    command(&arguments).stdout(Stdio::piped()).output().unwrap()
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Everything that the admin port answers.
fn snapshot(dir: &Path) -> (String, Vec<u8>) {
    let mut stream = UnixStream::connect(dir.join("admin.sock")).unwrap();
    stream.write_all(b"GET /snapshot HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let body = answer.split_off(end);
    (String::from_utf8(answer).unwrap(), body)
}

#[test]
fn a_copy_is_restored_with_its_state_and_the_log_of_a_stopped_server_is_read() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Binary::start(dir.path());
    for key in ["a", "b", "a"] {
        assert_eq!(server.ask(&format!("PUT /v1/{key}"), "value").0, 201);
    }
    let busy = tool(dir.path(), &["log", "check"]);
    assert_eq!(busy.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&busy.stderr).contains("in use by another process"), "{busy:?}");
    let (head, copy) = snapshot(dir.path());
    assert!(head.contains("200 OK") && head.contains("kivi-revision: 3"), "{head}");
    drop(server);

    let checked = report(&tool(dir.path(), &["log", "check"]));
    assert_eq!((&checked["lastRevision"], &checked["records"]), (&3.into(), &3.into()));
    let dumped = tool(dir.path(), &["log", "dump", "--after", "2"]);
    let line = report(&dumped);
    assert_eq!((&line["revision"], &line["changes"][0]["put"]["key"]), (&3.into(), &"a".into()));

    let file = dir.path().join("copy");
    std::fs::write(&file, &copy).unwrap();
    let restored = report(&tool(other.path(), &["restore", file.to_str().unwrap()]));
    assert_eq!((&restored["takenAtRevision"], &restored["keys"]), (&3.into(), &2.into()));
    let hash = restored["stateHash"].as_str().unwrap();
    assert!(head.contains(&format!("kivi-state-hash: {hash}")), "{head}");
    let server = Binary::start(other.path());
    assert_eq!(server.ask("GET /v1/a", ""), (200, "value".to_owned()));
    drop(server);
    let again = tool(other.path(), &["restore", file.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("empty directory"), "{again:?}");
}

#[test]
fn a_directory_without_a_log_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let none = tool(dir.path(), &["log", "check"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stderr).contains("there is no log in"), "{none:?}");
}
