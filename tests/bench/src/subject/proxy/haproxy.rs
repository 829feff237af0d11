//! HAProxy, with one thread.

use super::{CONNECTIONS, Process, Proxy, Role, Setting, free_address, write};
use crate::error::BenchError;

/// Connections to the upstream: without a lock a stampede has one for each client, and where 20,000 files may be open,
/// which is usual in containers, there is no room for more.
const TO_UPSTREAM: usize = 8000;

pub(super) fn start(setting: &Setting<'_>) -> Result<Proxy, BenchError> {
    let (folder, address) = (setting.folder()?, free_address()?);
    let tls = setting
        .certificate
        .map_or_else(String::new, |certificate| format!(" ssl crt {}", certificate.both().display()));
    let (store, keep) = match setting.role {
        Role::Cache => (
            "cache store
  total-max-size 256
  max-object-size 65536
  max-age 3600",
            "  http-request cache-use store
  http-response cache-store store",
        ),
        Role::Forward => ("", ""),
    };
    let text = format!(
        "global
  nbthread 1
  maxconn {CONNECTIONS}
  no strict-limits
defaults
  mode http
  timeout connect 30s
  timeout queue 60s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
  http-reuse always
{store}
frontend clients
  bind {address} backlog 4096{tls}
  maxconn {CONNECTIONS}
{keep}
  default_backend server
backend server
  server upstream {upstream} maxconn {TO_UPSTREAM}
",
        upstream = setting.server("unix@", ""),
    );
    write(&folder.path().join("haproxy.cfg"), &text)?;
    let process = Process::start("haproxy", folder, &setting.programs.haproxy, |command| {
        command.args(["-db", "-f", "haproxy.cfg"]);
    })?;
    Proxy::listening("haproxy", address, setting.trust(), process)
}
