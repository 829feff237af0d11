//! The program itself: exit codes, and traces through it.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use http::StatusCode;

use crate::support::{Server, echo, get, send_to};

/// Each bound of each limit, with what lies on both its sides.
const BOUNDS: &str = include_str!("../../../crds/settings/tests/bounds.yaml");

const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn sidecar() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kivi-sidecar"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// Ends with its test, whatever becomes of that.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_bad_flag_or_configuration_exits_64_and_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kivi.yaml");
    std::fs::write(&file, "auth: {anonymous: ReadWrite}\nsidecar: {maxInFlight: 0}\n").unwrap();
    for (flags, named) in [
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["--listen", "nowhere"], "--listen"),
        (&["--log-level", "loud", "--config", "/dev/null", "--tokens-dir", "TOKENS"], "--log-level"),
        (&["--config", file.to_str().unwrap()], "sidecar.maxInFlight: 0"),
        (&["--admin-listen", "0.0.0.0:0"], "--admin-listen"),
        (&[], "auth.anonymous"),
    ] {
        std::fs::create_dir_all(dir.path().join("TOKENS")).unwrap();
        std::fs::write(dir.path().join("TOKENS/a"), "t").unwrap();
        let output = sidecar().args(flags).current_dir(dir.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{flags:?}: {said}");
        assert!(said.contains(named), "{flags:?}: {said}");
    }
}

#[test]
fn a_limit_out_of_bounds_exits_64_with_one_sentence_before_anything_is_bound() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("kivi.yaml");
    // Whoever comes as far as to bind it, fails otherwise.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("--health-listen={}", taken.local_addr().unwrap());
    let cases: Vec<serde_yaml::Value> = serde_yaml::from_str(BOUNDS).unwrap();
    for case in cases {
        let Some(field) = case["refused"].as_str() else { continue };
        let limits = serde_yaml::to_string(&case["limits"]).unwrap().replace('\n', "\n  ");
        std::fs::write(&config, format!("auth: {{anonymous: ReadWrite}}\nlimits:\n  {limits}\n")).unwrap();
        let output = sidecar().args(["--config", config.to_str().unwrap(), &listen]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{case:?}: {said}");
        let sentence = format!("error: --config: {}: limits.{field}: ", config.display());
        assert!(said.starts_with(&sentence) && said.trim_end().lines().count() == 1, "{case:?}: {said}");
    }
}

#[tokio::test]
async fn a_trace_goes_through_and_sigterm_ends_it_well() {
    let server = Server::tcp(echo).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), "first-token").unwrap();
    // Nobody listens there: a collector that is down must harm no request.
    let collector = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut child = sidecar()
        .args(["--listen=127.0.0.1:0", "--health-listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"])
        .args(["--upstream", &server.url, "--tokens-dir", dir.path().to_str().unwrap()])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
        .env("KIVI_LOG_FORMAT", "json")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let child = Running(child);
    let clients = log
        .find_map(|line| {
            let line: serde_json::Value = serde_json::from_str(&line.ok()?).ok()?;
            (line["message"] == "Serving.").then(|| line["listen"].as_str().unwrap().to_owned())
        })
        .unwrap();
    // Keeps the pipe empty.
    let rest = std::thread::spawn(move || log.map_while(Result::ok).collect::<Vec<_>>().join("\n"));

    let mut request = get("/v1/secret-key");
    request.headers_mut().insert("traceparent", SAMPLED.parse().unwrap());
    request.headers_mut().insert("tracestate", "vendor=1".parse().unwrap());
    assert_eq!(send_to(&clients, request).await.unwrap().status, StatusCode::OK);
    let seen = server.only().headers;
    let traceparent: Vec<_> = seen["traceparent"].to_str().unwrap().split('-').collect();
    assert_eq!(traceparent[1], "4bf92f3577b34da6a3ce929d0e0e4736", "the same trace");
    assert_ne!(traceparent[2], "00f067aa0ba902b7", "a new parent");
    assert_eq!(traceparent[3], "01", "the caller's decision");
    assert_eq!(seen["tracestate"], "vendor=1");

    let mut child = child;
    let killed = Command::new("kill").args(["-TERM", &child.0.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let status = tokio::task::spawn_blocking(move || child.0.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    let log = rest.join().unwrap();
    assert!(log.contains("Drained."), "{log}");
    assert!(!log.contains("secret-key") && !log.contains("first-token"), "{log}");
}
