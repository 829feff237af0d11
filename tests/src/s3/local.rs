//! One as a process on loopback, which ends with its owner.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kivi_cluster::tools;

use super::{ACCESS_KEY, BUCKET, Pair, REGION, SECRET_KEY};
use crate::Failure;

/// How long it may take to listen.
const START: Duration = Duration::from_secs(30);
/// How often it is looked whether it does.
const POLL: Duration = Duration::from_millis(20);

/// A running server.
#[derive(Debug)]
pub struct LocalS3 {
    server: Child,
    address: SocketAddr,
    scheme: &'static str,
    folder: tempfile::TempDir,
}

impl LocalS3 {
    /// Starts one with an empty bucket; it is built first if need be, which takes minutes.
    ///
    /// # Errors
    /// When it cannot be built or does not listen.
    pub fn start() -> Result<Self, Failure> {
        Self::with(None)
    }

    /// Starts one that speaks TLS alone.
    ///
    /// # Errors
    /// When it cannot be built or does not listen.
    pub fn start_secured(pair: Pair<'_>) -> Result<Self, Failure> {
        Self::with(Some(pair))
    }

    fn with(pair: Option<Pair<'_>>) -> Result<Self, Failure> {
        let what = "starting versitygw";
        let program = tools::tool("versitygw").map_err(|error| Failure::doing(what, error))?;
        let folder = tempfile::tempdir().map_err(|error| Failure::doing(what, error))?;
        std::fs::create_dir_all(root(&folder).join(BUCKET)).map_err(|error| Failure::doing(what, error))?;
        std::fs::create_dir(folder.path().join("meta")).map_err(|error| Failure::doing(what, error))?;
        let flags = pair.map(|pair| write(pair, folder.path())).transpose();
        let flags = flags.map_err(|error| Failure::doing(what, error))?.unwrap_or_default();
        let address = free_address().map_err(|error| Failure::doing(what, error))?;
        let server =
            spawn(&program, address, &folder, &flags).map_err(|error| Failure::doing(what, error))?;
        let scheme = if pair.is_some() { "https" } else { "http" };
        let started = Self { server, address, scheme, folder };
        let deadline = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            if Instant::now() > deadline {
                return Err(Failure::new(format!("versitygw does not listen on {address}")));
            }
            std::thread::sleep(POLL);
        }
        Ok(started)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bucket's objects, as files.
    pub fn bucket(&self) -> PathBuf {
        root(&self.folder).join(BUCKET)
    }

    /// The environment by which a client reaches it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ENDPOINT_URL", format!("{}://{}", self.scheme, self.address)),
            ("AWS_ALLOW_HTTP", (self.scheme == "http").to_string()),
        ]
    }
}

impl Drop for LocalS3 {
    fn drop(&mut self) {
        // One that has ended by itself needs no end.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn root(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("buckets")
}

/// A port that is free now.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// Writes a pair; returns the flags that name it.
fn write(pair: Pair<'_>, folder: &Path) -> std::io::Result<Vec<OsString>> {
    let mut flags = Vec::new();
    for (flag, name, text) in [("--cert", "tls.crt", pair.certificate), ("--key", "tls.key", pair.key)] {
        let path = folder.join(name);
        std::fs::write(&path, text)?;
        flags.extend([flag.into(), path.into()]);
    }
    Ok(flags)
}

fn spawn(
    program: &Path,
    address: SocketAddr,
    folder: &tempfile::TempDir,
    flags: &[OsString],
) -> std::io::Result<Child> {
    Command::new(program)
        .env("ROOT_ACCESS_KEY", ACCESS_KEY)
        .env("ROOT_SECRET_KEY", SECRET_KEY)
        .args(["--region", REGION, "--quiet", "--port"])
        .arg(address.to_string())
        .args(flags)
        // What it notes of objects is in files, as not every file system has extended attributes.
        .args(["posix", "--sidecar"])
        .arg(folder.path().join("meta"))
        .arg(root(folder))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
