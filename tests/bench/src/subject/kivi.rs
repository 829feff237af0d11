//! Kivi's server, alone: no sidecar, on loopback.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;

use super::{
    Api, Programs, Subject,
    process::{Process, answers, free_address},
};
use crate::error::BenchError;

/// One worker thread, room for ten million keys; everything else as it is by default.
const CONFIG: &str = "limits: {memory: 16Gi}\n";

/// A server to be started, with a folder for its log.
#[derive(Debug)]
pub(crate) struct Kivi {
    program: PathBuf,
    folder: TempDir,
}

impl Kivi {
    pub(crate) fn new(programs: &Programs) -> Result<Self, BenchError> {
        Ok(Self { program: programs.kivi_server.clone(), folder: Process::folder(&programs.scratch)? })
    }

    /// Where its log will be.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn start(self) -> Result<Subject, BenchError> {
        self.start_timed().map(|(subject, _)| subject)
    }

    /// Starts it; also how long it took from its start to its readiness.
    pub(crate) fn start_timed(self) -> Result<(Subject, Duration), BenchError> {
        let (address, health, admin) = (free_address()?, free_address()?, free_address()?);
        let (config, data) = (self.folder.path().join("kivi.yaml"), self.data());
        write(&config)?;
        let mut process = Process::start("kivi", self.folder, &self.program, |command| {
            command.env("TOKIO_WORKER_THREADS", "1");
            command.arg("--config").arg(config).arg("--data-dir").arg(data);
            command.args(["--listen", &address.to_string(), "--health-listen", &health.to_string()]);
            command.args(["--admin-listen", &admin.to_string()]);
        })?;
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {health}\r\nConnection: close\r\n\r\n");
        let ready = process.wait(|| answers(health, &request, "HTTP/1.1 200"))?;
        let took = ready - process.started;
        Ok((Subject { name: "kivi", address, api: Api::Rest, health: Some(health), process }, took))
    }
}

fn write(config: &Path) -> Result<(), BenchError> {
    fs::write(config, CONFIG).map_err(BenchError::io("write", config))
}
