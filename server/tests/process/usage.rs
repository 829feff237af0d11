//! Flags and configuration that cannot be used: exit code 64, one sentence, nothing touched.

use std::net::TcpListener;

use serde_yaml::Value;

use crate::binary::{flags_in, outcome};

/// Each bound of each limit, with what lies on both its sides.
const BOUNDS: &str = include_str!("../../../crds/settings/tests/bounds.yaml");

#[test]
fn each_is_64_and_names_its_flag_or_field() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("kivi.yaml");
    let config = config.to_str().unwrap();
    for (yaml, flags, told) in [
        ("", &["--listen", "localhost"][..], "--listen"),
        ("", &["--shutdown-grace", "soon"], "--shutdown-grace"),
        ("", &["--log-format", "xml"], "--log-format"),
        ("", &["--log-level", "kivi=loud"], "--log-level"),
        ("", &["--frobnicate"], "--frobnicate"),
        ("", &["--admin-listen", "0.0.0.0:0"], "--admin-listen 0.0.0.0:0"),
        ("", &["--listen", "0.0.0.0:0"], "--tokens-dir"),
        ("", &["--tls-dir", "/nowhere"], "--tls-dir: cannot read /nowhere/tls.crt"),
        ("", &["--tokens-dir", "/nowhere"], "--tokens-dir: cannot read the bearer tokens in /nowhere"),
        ("limits: {keyBytes: 0}", &[], "kivi.yaml: limits.keyBytes: 0 is out of bounds"),
        ("limits: {keyBites: 9}", &[], "unknown field `keyBites`"),
        ("limits: {valueBytes: big}", &[], "limits.valueBytes"),
        ("log: {}", &[], "log: name one kind of log"),
        ("log: {file: {sync: Sometimes}}", &[], "log.file.sync"),
        ("[", &[], "kivi.yaml"),
    ] {
        std::fs::write(config, yaml).unwrap();
        let data = dir.path().join("data");
        let mut all = vec!["--config", config, "--data-dir", data.to_str().unwrap()];
        all.extend(flags);
        let (code, stderr) = outcome(&all);
        assert_eq!(code, Some(64), "{yaml} {flags:?}: {stderr}");
        assert!(stderr.contains(told), "{yaml} {flags:?}: {stderr}");
        assert!(!data.exists(), "{yaml} {flags:?}: it went on to open the log");
    }
}

#[test]
fn a_missing_configuration_file_is_named() {
    let (code, stderr) = outcome(&["--config", "/nowhere/kivi.yaml"]);
    assert_eq!(code, Some(64));
    assert!(stderr.contains("/nowhere/kivi.yaml"), "{stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{stderr}");
}

#[test]
fn a_taken_address_is_1_and_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("server.sock"), "precious").unwrap();
    let flags = flags_in(dir.path());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let (code, stderr) = outcome(&flags);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("server.sock"), "{stderr}");
    assert_eq!(std::fs::read_to_string(dir.path().join("server.sock")).unwrap(), "precious");
}

#[test]
fn a_limit_out_of_bounds_is_64_and_one_sentence_before_anything_is_bound() {
    let dir = tempfile::tempdir().unwrap();
    let (config, data) = (dir.path().join("kivi.yaml"), dir.path().join("data"));
    // Whoever comes as far as to bind it, fails otherwise.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let cases: Vec<Value> = serde_yaml::from_str(BOUNDS).unwrap();
    for case in cases {
        let Some(field) = case["refused"].as_str() else { continue };
        let mut file = serde_yaml::Mapping::new();
        file.insert("limits".into(), case["limits"].clone());
        std::fs::write(&config, serde_yaml::to_string(&file).unwrap()).unwrap();
        let flags = ["--config", config.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
        let (code, said) = outcome(&[&flags[..], &["--health-listen", &listen]].concat());
        assert_eq!(code, Some(64), "{case:?}: {said}");
        let sentence = format!("error: {}: limits.{field}: ", config.display());
        assert!(said.starts_with(&sentence) && said.trim_end().lines().count() == 1, "{case:?}: {said}");
        assert!(!data.exists(), "{case:?}: it went on to open the log");
    }
}
