//! A server's process: started on its processor, waited for, killed in the end.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{Programs, START};
use crate::{error::BenchError, interrupt, machine};

/// How often a server is asked whether it is ready.
const POLL: Duration = Duration::from_millis(2);
/// What a probe waits for an answer.
const PROBE: Duration = Duration::from_secs(5);
/// Lines of a server's log that an error tells.
const TAIL: usize = 12;

#[derive(Debug)]
pub(super) struct Process {
    name: &'static str,
    child: Child,
    /// Removed with this value.
    folder: TempDir,
    pub(super) started: Instant,
}

impl Process {
    /// A folder of its own on the disk that is measured.
    pub(super) fn folder(programs: &Programs) -> Result<TempDir, BenchError> {
        TempDir::new_in(&programs.scratch).map_err(BenchError::io("make a folder in", &programs.scratch))
    }

    /// Starts `program` on the subjects' processor, to die with this program however that ends.
    pub(super) fn start(
        name: &'static str,
        folder: TempDir,
        program: &Path,
        configure: impl FnOnce(&mut Command),
    ) -> Result<Self, BenchError> {
        if !program.exists() {
            return Err(BenchError::NoProgram { name, path: program.to_owned() });
        }
        let log = folder.path().join("log.txt");
        let output = File::create(&log).map_err(BenchError::io("create", &log))?;
        let errors = output.try_clone().map_err(BenchError::io("open", &log))?;
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "taskset", "--cpu-list"])
            .arg(machine::subject_processor().to_string());
        command.arg(program).stdin(Stdio::null()).stdout(output).stderr(errors).current_dir(folder.path());
        // A client's proxy or a tracer of whoever runs this is none of the subject's business.
        command.env_clear();
        configure(&mut command);
        let child = command.spawn().map_err(BenchError::io("start", program))?;
        Ok(Self { name, child, folder, started: Instant::now() })
    }

    /// Waits until `ready` says so; returns when that was.
    pub(super) fn wait(&mut self, mut ready: impl FnMut() -> bool) -> Result<Instant, BenchError> {
        loop {
            interrupt::check()?;
            if ready() {
                return Ok(Instant::now());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(self.failed(format!("ended with {status}")));
            }
            if self.started.elapsed() > START {
                return Err(self.failed(format!("is not ready after {START:?}")));
            }
            thread::sleep(POLL);
        }
    }

    pub(super) fn resident_bytes(&self) -> Result<u64, BenchError> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(&path).map_err(BenchError::io("read", &path))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes
            .map(|count| count * 1024)
            .ok_or_else(|| self.failed("says nothing of its memory".to_owned()))
    }

    pub(super) fn failed(&self, what: String) -> BenchError {
        let log = fs::read_to_string(self.folder.path().join("log.txt")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let log = lines[lines.len().saturating_sub(TAIL)..].join("\n");
        BenchError::Subject { subject: self.name, what, log }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody listens on.
pub(super) fn free_address() -> Result<SocketAddr, BenchError> {
    let failed = BenchError::io("find a free port on", "127.0.0.1");
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(failed)
}

/// What a GET of `path` is answered with, head and all.
pub(super) fn fetch(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PROBE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Sends `request` on a connection of its own; whether the answer begins with `expected`.
pub(super) fn answers(address: SocketAddr, request: &str, expected: &str) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PROBE))?;
        stream.write_all(request.as_bytes())?;
        let mut begin = vec![0; expected.len()];
        stream.read_exact(&mut begin)?;
        std::io::Result::Ok(begin == expected.as_bytes())
    };
    ask().unwrap_or(false)
}
