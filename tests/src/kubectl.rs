//! `kubectl` and `helm` as a user runs them, and port-forwards that end with their owner.

mod forward;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::Failure;

pub use forward::PortForward;

/// A cluster, as the commands see it.
#[derive(Debug, Clone)]
pub struct Kubectl {
    program: PathBuf,
    helm: PathBuf,
    kubeconfig: PathBuf,
    namespace: String,
}

impl Kubectl {
    /// Commands against the cluster that `kubeconfig` names, in the namespace `default`.
    pub fn new(program: PathBuf, helm: PathBuf, kubeconfig: PathBuf) -> Self {
        Self { program, helm, kubeconfig, namespace: "default".to_owned() }
    }

    /// The same cluster, another namespace.
    pub fn namespace(&self, namespace: &str) -> Self {
        Self { namespace: namespace.to_owned(), ..self.clone() }
    }

    /// The namespace of every command.
    pub fn current_namespace(&self) -> &str {
        &self.namespace
    }

    /// The kubectl in use.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The helm in use.
    pub fn helm_program(&self) -> &Path {
        &self.helm
    }

    /// Where the cluster's credentials are.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("KUBECONFIG", &self.kubeconfig).arg("--namespace").arg(&self.namespace);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs `kubectl` and returns what it printed.
    ///
    /// # Errors
    /// With what it printed on standard error.
    pub async fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<String, Failure> {
        output(self.command(&self.program).args(args)).await
    }

    /// Runs `helm` and returns what it printed.
    ///
    /// # Errors
    /// With what it printed on standard error.
    pub async fn helm<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Result<String, Failure> {
        output(self.command(&self.helm).args(args)).await
    }

    /// `kubectl get ... -o json`, parsed.
    ///
    /// # Errors
    /// When the object is not there.
    pub async fn get(&self, kind: &str, name: &str) -> Result<Value, Failure> {
        let text = self.run(["get", kind, name, "-o", "json"]).await?;
        serde_json::from_str(&text).map_err(|error| Failure::doing("reading kubectl's JSON", error))
    }

    /// `kubectl apply --server-side -f -`.
    ///
    /// # Errors
    /// With the API server's refusal.
    pub async fn apply(&self, yaml: &str) -> Result<String, Failure> {
        self.run_with_input(["apply", "--server-side", "-f", "-"], yaml).await
    }

    /// Asks the API server whether it would take it, defaults, rules and all; nothing is stored.
    ///
    /// # Errors
    /// With the API server's refusal.
    pub async fn would_apply(&self, yaml: &str) -> Result<String, Failure> {
        self.run_with_input(["apply", "--server-side", "-f", "-", "--dry-run=server"], yaml).await
    }

    /// Runs `kubectl` with something on its standard input, and returns what it printed.
    ///
    /// # Errors
    /// With what it printed on standard error.
    pub async fn run_with_input<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        input: &str,
    ) -> Result<String, Failure> {
        let what = "starting kubectl";
        let mut command = self.command(&self.program);
        let mut child = command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::doing(what, error))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).await.map_err(|error| Failure::doing(what, error))?;
        }
        let output = child.wait_with_output().await.map_err(|error| Failure::doing(what, error))?;
        said("kubectl with input", &output)
    }

    /// `kubectl wait --for=... --timeout=...`.
    ///
    /// # Errors
    /// When it does not come true in time.
    pub async fn wait(&self, condition: &str, object: &str, timeout: &str) -> Result<(), Failure> {
        let (condition, timeout) = (format!("--for={condition}"), format!("--timeout={timeout}"));
        self.run(["wait", &condition, object, &timeout]).await.map(drop)
    }

    /// Deletes the current namespace without waiting for it, also where no runtime is at hand.
    pub fn delete_namespace_in_background(&self) {
        let mut command = std::process::Command::new(&self.program);
        command.env("KUBECONFIG", &self.kubeconfig).args([
            "delete",
            "namespace",
            &self.namespace,
            "--wait=false",
        ]);
        // A namespace that stays is seen by the next run, and hurts nobody.
        let _ = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }

    /// Forwards a free local port to `port` of `target` (`svc/NAME`, `pod/NAME`).
    ///
    /// # Errors
    /// When kubectl does not come up.
    pub async fn forward(&self, target: &str, port: u16) -> Result<PortForward, Failure> {
        PortForward::open(self.command(&self.program), target, port).await
    }
}

async fn output(command: &mut Command) -> Result<String, Failure> {
    let shown = command.as_std().get_program().display().to_string();
    let output =
        command.output().await.map_err(|error| Failure::doing(&format!("starting {shown}"), error))?;
    let args: Vec<_> = command.as_std().get_args().map(OsStr::to_string_lossy).collect();
    said(&format!("{shown} {}", args.join(" ")), &output)
}

fn said(what: &str, output: &std::process::Output) -> Result<String, Failure> {
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Failure::doing(what, String::from_utf8_lossy(&output.stderr).trim()))
    }
}
