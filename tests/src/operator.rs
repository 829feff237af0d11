//! An operator that runs beside the cluster instead of in it: for quick turns, and for tests that replace it.
//!
//! It runs with the flags of the chart's Deployment and with the rights of the chart's ServiceAccount, so what the
//! chart does not grant it cannot do here either.

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
        let what = format!("starting {} beside the cluster", program.display());
        let failed = |error: &dyn std::fmt::Display| Failure::doing(&what, error);
        let pod = system.get("deployment", deployment).await?["spec"]["template"]["spec"].take();
        let credentials = tempfile::tempdir().map_err(|error| failed(&error))?;
        let path = credentials.path().join("kubeconfig");
        let account = pod["serviceAccountName"].as_str().unwrap_or(deployment);
        let kubeconfig = kubeconfig(system, account).await?;
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

    /// Tells it to stop, as a node tells a pod, and waits until it did.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub async fn stop(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        self.child.wait().await.map(drop).map_err(|error| Failure::doing("stopping an operator", error))
    }
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
