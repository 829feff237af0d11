//! Kivi's sidecar.

use super::{CONNECTIONS, Process, Proxy, Role, Setting, free_address, write};
use crate::error::BenchError;

pub(super) fn start(setting: &Setting<'_>) -> Result<Proxy, BenchError> {
    let (folder, address) = (setting.folder()?, free_address()?);
    let (health, admin) = (free_address()?, free_address()?);
    let config = folder.path().join("kivi.yaml");
    // No token, as no peer asks for one. By default nothing is kept, and answers are shared while they are loaded.
    let ttl = match setting.role {
        Role::Cache => "1h",
        Role::Forward => "0s",
    };
    write(
        &config,
        &format!(
            "auth: {{anonymous: ReadWrite}}
limits: {{connections: {CONNECTIONS}}}
sidecar:
  maxInFlight: {CONNECTIONS}
  cache: {{ttl: {ttl}, maxBytes: 256Mi}}
  timeouts: {{idle: 1h}}
"
        ),
    )?;
    let process = Process::start("kivi", folder, &setting.programs.kivi_sidecar, |command| {
        command.env("TOKIO_WORKER_THREADS", "1");
        command.arg("--config").arg("kivi.yaml").args(["--listen", &address.to_string()]);
        command.args([
            "--upstream",
            &setting.server("unix:", "http://"),
            "--upstream-ready",
            "",
            "--change-feed",
            "off",
        ]);
        command.args(["--health-listen", &health.to_string(), "--admin-listen", &admin.to_string()]);
        if let Some(certificate) = setting.certificate {
            command.arg("--tls-dir").arg(certificate.folder());
        }
    })?;
    Proxy::listening("kivi", address, setting.trust(), process)
}
