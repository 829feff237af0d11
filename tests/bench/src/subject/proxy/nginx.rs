//! nginx as a proxy, with one worker.

use super::{CONNECTIONS, Process, Proxy, Role, Setting, free_address, write};
use crate::error::BenchError;

pub(super) fn start(setting: &Setting<'_>) -> Result<Proxy, BenchError> {
    let (folder, address) = (setting.folder()?, free_address()?);
    let upstream = setting.server("unix:", "");
    // What is kept lies in files, of which the system has the bytes and nginx the descriptors.
    let (store, keep) = match setting.role {
        Role::Cache => (
            "proxy_cache_path cache levels=1:2 keys_zone=store:64m max_size=1g inactive=2h use_temp_path=off;
  open_file_cache max=6000 inactive=1h;",
            "proxy_cache store;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 60s;
      proxy_cache_lock_age 60s;",
        ),
        Role::Forward => ("", ""),
    };
    let listen = setting.certificate.map_or_else(
        || format!("listen {address} backlog=4096;"),
        |certificate| {
            let folder = certificate.folder();
            format!(
                "listen {address} ssl backlog=4096;
    ssl_protocols TLSv1.3;
    ssl_certificate {0}/tls.crt;
    ssl_certificate_key {0}/tls.key;",
                folder.display()
            )
        },
    );
    // As with the server's peer: no log, as many requests a connection as there may be.
    let text = format!(
        "daemon off;
master_process off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections {connections}; multi_accept on; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  {store}
  upstream server {{
    server {upstream};
    keepalive 1024;
    keepalive_requests 1000000000;
  }}
  server {{
    {listen}
    location / {{
      proxy_pass http://server;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
      {keep}
    }}
  }}
}}
",
        // Those to the upstream count too.
        connections = CONNECTIONS + 1000,
    );
    write(&folder.path().join("nginx.conf"), &text)?;
    let prefix = folder.path().to_owned();
    let process = Process::start("nginx", folder, &setting.programs.nginx, |command| {
        command.arg("-p").arg(prefix).args(["-c", "nginx.conf", "-e", "stderr"]);
    })?;
    Proxy::listening("nginx", address, setting.trust(), process)
}
