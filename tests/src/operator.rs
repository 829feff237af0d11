//! An operator that runs beside the cluster instead of in it: for quick turns, and for tests that replace it.
//!
//! It runs with the flags of the chart's Deployment and with the rights of the chart's ServiceAccount, so what the
//! chart does not grant it cannot do here either.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::Failure;
use crate::kubectl::Kubectl;

/// Runs a program until the standard input ends, which it does when whoever holds it is gone, however it went.
const UNTIL_INPUT_ENDS: &str = r#""$0" "$@" </dev/null & cat >/dev/null; kill -TERM $! 2>/dev/null; wait $!"#;

/// A running operator; it is told to stop when this is dropped, or when the process that holds it ends.
#[derive(Debug)]
pub struct HostOperator {
    child: Child,
    _credentials: tempfile::TempDir,
}

impl HostOperator {
    /// Starts `program` with the flags of `deployment` in `system`'s namespace, and with `more` behind them.
    ///
    /// # Errors
    /// When the Deployment or its ServiceAccount is not there, or the program cannot be started.
    pub async fn start(
        system: &Kubectl,
        deployment: &str,
        program: &Path,
        more: &[&str],
    ) -> Result<Self, Failure> {
        Self::start_through(system, deployment, program, more, None).await
    }

    /// As [`HostOperator::start`]; `through` is where it finds the API server, if elsewhere than others do.
    ///
    /// # Errors
    /// When the Deployment or its ServiceAccount is not there, or the program cannot be started.
    pub async fn start_through(
        system: &Kubectl,
        deployment: &str,
        program: &Path,
        more: &[&str],
        through: Option<SocketAddr>,
    ) -> Result<Self, Failure> {
        let what = format!("starting {} beside the cluster", program.display());
        let failed = |error: &dyn std::fmt::Display| Failure::doing(&what, error);
        let pod = system.get("deployment", deployment).await?["spec"]["template"]["spec"].take();
        let credentials = tempfile::tempdir().map_err(|error| failed(&error))?;
        let path = credentials.path().join("kubeconfig");
        let account = pod["serviceAccountName"].as_str().unwrap_or(deployment);
        let mut kubeconfig = kubeconfig(system, account).await?;
        if let Some(address) = through {
            kubeconfig["clusters"][0]["cluster"]["server"] = json!(format!("https://{address}"));
        }
        std::fs::write(&path, kubeconfig.to_string()).map_err(|error| failed(&error))?;
        let flags = pod["containers"][0]["args"].as_array().cloned().unwrap_or_default();
        // What is the pod's own: a port, a mounted file.
        let of_pod = |flag: &str| flag.starts_with("--health-listen=") || flag.starts_with("--catalog=");
        let flags = flags.iter().filter_map(Value::as_str).filter(|flag| !of_pod(flag));
        let child = Command::new("sh")
            .args(["-c", UNTIL_INPUT_ENDS])
            .arg(program)
            .args(flags)
            .args(more)
            .env("KUBECONFIG", &path)
            .env("KIVI_HEALTH_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&error))?;
        Ok(Self { child, _credentials: credentials })
    }

    /// The operator's own process, for whoever measures it; none before its shell started it, and once it ended.
    pub fn process(&self) -> Option<u32> {
        // The shell's first child; the second, which waits for the input's end, may be alone.
        let shell = self.child.id()?;
        let processes = std::fs::read_dir("/proc").ok()?.flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let waits = |pid: &u32| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "cat\n")
        };
        pids.filter(|pid| parent(*pid) == Some(shell)).filter(|pid| !waits(pid)).min()
    }

    /// Ends it without warning, as a node that loses its power does.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(mut self) -> Result<(), Failure> {
        let what = "killing an operator";
        let shell = self.child.id().ok_or_else(|| Failure::doing(what, "it does not run"))?;
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"));
        let children = children.map_err(|error| Failure::doing(what, error))?;
        for child in children.split_whitespace() {
            // The shell's other child waits for the input's end, which comes now.
            let killed = Command::new("kill").args(["-KILL", child]).status().await;
            killed.map_err(|error| Failure::doing(what, error))?;
        }
        drop(self.child.stdin.take());
        self.child.wait().await.map(drop).map_err(|error| Failure::doing(what, error))
    }

    /// Tells it to stop, as a node tells a pod, and waits until it did.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn stop(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        self.child.wait().await.map(drop).map_err(|error| Failure::doing("stopping an operator", error))
    }
}

/// The parent of a process (`proc_pid_stat(5)`); the name in parentheses may hold blanks and parentheses itself.
fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// A kubeconfig of the cluster in use, with the rights of a ServiceAccount.
async fn kubeconfig(system: &Kubectl, account: &str) -> Result<Value, Failure> {
    let view = system.run(["config", "view", "--raw", "--minify", "--flatten", "-o", "json"]).await?;
    let mut config: Value =
        serde_json::from_str(&view).map_err(|error| Failure::doing("reading the kubeconfig", error))?;
    let token = system.run(["create", "token", account, "--duration=12h"]).await?;
    config["users"][0]["user"] = json!({ "token": token.trim() });
    Ok(config)
}
