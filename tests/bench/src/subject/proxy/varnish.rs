//! Varnish: a thread for each request that is worked on, all on one processor. It speaks no TLS.

use super::{Process, Proxy, Role, Setting, Transport, free_address, write};
use crate::error::BenchError;

pub(super) fn start(setting: &Setting<'_>) -> Result<Proxy, BenchError> {
    let (folder, address) = (setting.folder()?, free_address()?);
    let upstream = match setting.transport {
        Transport::Unix => format!(".path = \"{}\";", setting.upstream.socket().display()),
        Transport::Tcp => {
            let address = setting.upstream.address;
            format!(".host = \"{}\"; .port = \"{}\";", address.ip(), address.port())
        }
    };
    let action = match setting.role {
        Role::Cache => "hash",
        Role::Forward => "pass",
    };
    let text = format!(
        "vcl 4.1;
backend server {{
  {upstream}
}}
sub vcl_recv {{
  return ({action});
}}
"
    );
    // It looks for its configuration elsewhere than where it runs.
    let (config, work) = (folder.path().join("own.vcl"), folder.path().join("work"));
    write(&config, &text)?;
    let process = Process::start("varnish", folder, &setting.programs.varnishd, |command| {
        // It compiles its configuration.
        command.env("PATH", "/usr/bin:/bin");
        command.args(["-F", "-j", "none", "-T", "none", "-f"]).arg(config);
        command.arg("-n").arg(work).args(["-a", &address.to_string(), "-s", "malloc,256m"]);
        for parameter in ["thread_pools=1", "timeout_idle=3600", "listen_depth=4096"] {
            command.args(["-p", parameter]);
        }
    })?;
    Proxy::listening("varnish", address, None, process)
}
