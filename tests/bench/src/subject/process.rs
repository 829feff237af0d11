//! A server's process: started on its processor, waited for, killed in the end.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    ops::Range,
    path::Path,
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::START;
use crate::{error::BenchError, interrupt, machine};

/// How often a server is asked whether it is ready.
const POLL: Duration = Duration::from_millis(2);
/// What a probe waits for an answer.
const PROBE: Duration = Duration::from_secs(5);
/// Ports of subjects: below those of connections, and of services in a cluster on this machine.
const PORTS: Range<u32> = 10_240..30_000;
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
    pub(super) fn folder(scratch: &Path) -> Result<TempDir, BenchError> {
        TempDir::new_in(scratch).map_err(BenchError::io("make a folder in", scratch))
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

    /// The memory that it and the processes it started have of their own.
    pub(super) fn resident_bytes(&self) -> Result<u64, BenchError> {
        family(self.child.id()).into_iter().map(|process| self.resident_bytes_of(process)).sum()
    }

    fn resident_bytes_of(&self, process: u32) -> Result<u64, BenchError> {
        let path = format!("/proc/{process}/status");
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
        let family = family(self.child.id());
        // It may have ended by itself.
        let _ = self.child.kill();
        for process in &family[1..] {
            if let Some(pid) = i32::try_from(*process).ok().and_then(Pid::from_raw) {
                // It may have ended with its parent.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        let _ = self.child.wait();
    }
}

/// A process and those it started, and so on; it stands first.
fn family(process: u32) -> Vec<u32> {
    let mut family = vec![process];
    let path = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    family.extend(children.split_whitespace().filter_map(|child| child.parse().ok()).flat_map(self::family));
    family
}

/// An address that nobody listens on, and another one each time. Its port is none that the system gives to connections,
/// of which one might have it before the server does.
pub(super) fn free_address() -> Result<SocketAddr, BenchError> {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let mut taken = None;
    for _ in PORTS {
        // Other runs begin elsewhere.
        let place = process::id().wrapping_mul(97).wrapping_add(ASKED.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + place % (PORTS.end - PORTS.start);
        match TcpListener::bind(format!("127.0.0.1:{port}")).and_then(|listener| listener.local_addr()) {
            Ok(address) => return Ok(address),
            Err(error) => taken = Some(error),
        }
    }
    let error = taken.unwrap_or_else(|| io::ErrorKind::AddrInUse.into());
    Err(BenchError::io("find a free port on", "127.0.0.1")(error))
}

/// What a GET of `path` is answered with, head and all.
pub(super) fn fetch(address: SocketAddr, path: &str) -> io::Result<String> {
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
        io::Result::Ok(begin == expected.as_bytes())
    };
    ask().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::io::BufRead;

    use super::*;

    #[test]
    fn a_family_is_a_process_and_what_it_started() {
        let mut shell = Command::new("sh")
            .args(["-c", "sleep 60 & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut child = String::new();
        io::BufReader::new(shell.stdout.take().unwrap()).read_line(&mut child).unwrap();
        let child = child.trim().parse().unwrap();
        assert_eq!(family(shell.id()), [shell.id(), child]);
        kill_process(Pid::from_raw(i32::try_from(child).unwrap()).unwrap(), Signal::KILL).unwrap();
        shell.wait().unwrap();
    }

    #[test]
    fn addresses_differ_from_each_other() {
        let (one, another) = (free_address().unwrap(), free_address().unwrap());
        assert_ne!(one, another);
        assert!(PORTS.contains(&u32::from(one.port())), "{one}");
    }
}
