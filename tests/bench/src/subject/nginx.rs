//! nginx, with an answer that stands in its configuration.

use std::fs;

use super::{
    Api, Programs, Subject,
    process::{Process, answers, free_address},
    value,
};
use crate::error::BenchError;

/// Bytes of its answer.
const LENGTH: usize = 256;

pub(super) fn start(programs: &Programs) -> Result<Subject, BenchError> {
    let (folder, address) = (Process::folder(&programs.scratch)?, free_address()?);
    let config = folder.path().join("nginx.conf");
    let body = value(LENGTH);
    // Nothing in it is to be what holds it back: no log, as many requests a connection as there may be.
    let text = format!(
        "daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  default_type application/octet-stream;
  keepalive_requests 1000000000;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{
    listen {address};
    location / {{ return 200 \"{body}\"; }}
  }}
}}
"
    );
    fs::write(&config, text).map_err(BenchError::io("write", &config))?;
    let prefix = folder.path().to_owned();
    let mut process = Process::start("nginx-return", folder, &programs.nginx, |command| {
        command.arg("-p").arg(prefix).arg("-c").arg(config).args(["-e", "stderr"]);
    })?;
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    process.wait(|| answers(address, &request, "HTTP/1.1 200"))?;
    Ok(Subject { name: "nginx-return", address, api: Api::Rest, health: None, process })
}
