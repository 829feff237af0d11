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

/// The log's files with this ending, in order.
fn files(dir: &Path, suffix: &str) -> Vec<std::path::PathBuf> {
    let all = std::fs::read_dir(dir.join("data")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = all.filter(|path| path.to_str().unwrap().ends_with(suffix)).collect();
    files.sort();
    files
}

/// What a start says that is refused.
fn refusal(dir: &Path) -> String {
    let flags = crate::binary::flags_in(dir);
    let (code, said) = crate::binary::outcome(&flags.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, Some(1), "{said}");
    said
}

#[test]
fn a_log_without_its_files_is_refused_checked_and_repaired_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let server = Binary::start(dir.path());
    assert_eq!(server.ask("PUT /v1/a", "value").0, 201);
    assert!(server.terminate().success());
    let segment = files(dir.path(), ".log").remove(0);
    let away = dir.path().join("away");
    std::fs::rename(&segment, &away).unwrap();
    assert!(refusal(dir.path()).contains("00000000000000000001.log is missing"));
    let checked = tool(dir.path(), &["log", "check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&checked.stderr).contains("00000000000000000001.log is missing"),
        "{checked:?}"
    );
    let listed: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(listed["damage"].as_array().unwrap().len(), 1, "{listed}");
    let repaired = tool(dir.path(), &["log", "repair"]);
    assert_eq!(repaired.status.code(), Some(1), "nothing would be left: {repaired:?}");
    std::fs::rename(&away, &segment).unwrap();
    let server = Binary::start(dir.path());
    assert_eq!(server.ask("GET /v1/a", ""), (200, "value".to_owned()));
}

#[test]
fn every_damage_is_listed_and_behind_a_repair_the_server_starts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Binary::start(dir.path());
    for key in 0..9 {
        assert_eq!(server.ask(&format!("PUT /v1/k{key}"), &"v".repeat(100)).0, 201);
    }
    assert!(server.terminate().success());
    let segment = files(dir.path(), ".log").remove(0);
    let mut bytes = std::fs::read(&segment).unwrap();
    // In the fourth and in the seventh write, each of which is a batch.
    let place = |key: &[u8]| bytes.windows(2).position(|window| window == key).unwrap();
    let batch = place(b"k1") - place(b"k0");
    for at in [3, 6] {
        bytes[64 + at * batch + 60] ^= 1;
    }
    std::fs::write(&segment, &bytes).unwrap();
    let refused = refusal(dir.path());
    let checked = tool(dir.path(), &["log", "check"]);
    let listed: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let places: Vec<_> =
        listed["damage"].as_array().unwrap().iter().map(|one| one["offset"].as_u64()).collect();
    assert_eq!(places, [Some((64 + 3 * batch) as u64), Some((64 + 6 * batch) as u64)], "{listed}");
    assert!(refused.contains(listed["damage"][0]["message"].as_str().unwrap()), "{refused}");
    let repaired = report(&tool(dir.path(), &["log", "repair"]));
    assert_eq!(repaired["log"]["lastRevision"], 3, "{repaired}");
    let server = Binary::start(dir.path());
    assert_eq!((server.ask("GET /v1/k2", "").0, server.ask("GET /v1/k3", "").0), (200, 404));
    assert_eq!(server.ask("PUT /v1/k3", "again").0, 201);
}
