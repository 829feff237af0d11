//! `kivi-server` as a child process that listens on Unix sockets of its own directory.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// A command of the binary with nothing of this process's environment that it would read.
pub(crate) fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kivi-server"));
    command.env_clear().args(flags).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Runs it to its end, which must come by itself.
pub(crate) fn outcome(flags: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(flags).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// The flags of a server that lives in `dir`.
pub(crate) fn flags_in(dir: &Path) -> Vec<String> {
    let socket = |name: &str| format!("unix:{}", dir.join(name).display());
    [
        ("--data-dir", dir.join("data").display().to_string()),
        ("--listen", socket("server.sock")),
        ("--health-listen", socket("health.sock")),
        ("--admin-listen", socket("admin.sock")),
    ]
    .into_iter()
    .flat_map(|(flag, value)| [flag.to_owned(), value])
    .collect()
}

/// A running server; killed when it is dropped.
pub(crate) struct Binary {
    child: Child,
    dir: PathBuf,
}

impl Binary {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_with(dir, "")
    }

    /// With this configuration file.
    pub(crate) fn start_with(dir: &Path, config: &str) -> Self {
        let file = dir.join("kivi.yaml");
        std::fs::write(&file, config).unwrap();
        let mut flags = flags_in(dir);
        flags.extend(["--config".to_owned(), file.display().to_string()]);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        // Nobody reads its log here; a full pipe would stop it.
        let child = command(&flags).stderr(Stdio::null()).spawn().unwrap();
        let mut binary = Self { child, dir: dir.to_owned() };
        while binary.try_ask("health.sock", "GET /readyz", "").is_none_or(|(status, _)| status != 200) {
            assert_eq!(binary.child.try_wait().unwrap(), None, "the server ended before it was ready");
            std::thread::yield_now();
        }
        binary
    }

    /// One request on the client's socket: status and body.
    pub(crate) fn ask(&self, line: &str, body: &str) -> (u16, String) {
        self.try_ask("server.sock", line, body).unwrap()
    }

    fn try_ask(&self, socket: &str, line: &str, body: &str) -> Option<(u16, String)> {
        let mut stream = UnixStream::connect(self.dir.join(socket)).ok()?;
        let length = body.len();
        write!(
            stream,
            "{line} HTTP/1.1\r\nHost: kivi\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// A connection to the client's socket.
    pub(crate) fn connect(&self) -> UnixStream {
        UnixStream::connect(self.dir.join("server.sock")).unwrap()
    }

    /// A number of bytes that the kernel tells of the process, as `VmRSS`.
    pub(crate) fn memory(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit that follows.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        // Already gone in most tests.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
