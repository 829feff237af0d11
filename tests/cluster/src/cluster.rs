//! The handle on a cluster: the local one, or the one that `KUBECONFIG` names.

use std::{
    env,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    Component, Layout, ProcessId, command,
    components::GRACE,
    error::ClusterError,
    image, kubeconfig, privilege, ready, start, supervise,
    tools::{self, Binaries, Module},
};

/// A cluster that answers.
#[derive(Debug, Clone)]
pub struct Cluster {
    layout: Layout,
    /// None for a cluster that is not ours.
    binaries: Option<Binaries>,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
}

/// One line of the status.
#[derive(Debug)]
pub struct ComponentStatus {
    /// Which component.
    pub component: Component,
    /// Its process, if it runs.
    pub process: Option<ProcessId>,
}

impl Cluster {
    /// The cluster to use: the one that `KUBECONFIG` names, else the local one, of which something must run.
    /// Changes nothing.
    pub fn attach() -> Result<Self, ClusterError> {
        let layout = Layout::system();
        let kubeconfig = Self::kubeconfig_in_use()?;
        if Self::external().is_some() {
            return Self::other(layout, kubeconfig);
        }
        Ok(Self::local(layout, tools::ensure(&Module::CLUSTER)?))
    }

    /// The kubeconfig of the cluster to use, whose tools need not be built for it.
    pub fn kubeconfig_in_use() -> Result<PathBuf, ClusterError> {
        let layout = Layout::system();
        let local = || {
            let runs = Self::status(&layout).iter().any(|status| status.process.is_some());
            runs.then(|| layout.kubeconfig()).ok_or(ClusterError::NotRunning)
        };
        Self::external().map_or_else(local, Ok)
    }

    /// The kubeconfig of another cluster, if the environment names one.
    pub fn external() -> Option<PathBuf> {
        kubeconfig::external(env::var_os("KUBECONFIG"), &Layout::system())
    }

    pub(crate) fn local(layout: Layout, binaries: Binaries) -> Self {
        Self {
            kubeconfig: layout.kubeconfig(),
            kubectl: binaries.kubernetes("kubectl"),
            layout,
            binaries: Some(binaries),
        }
    }

    /// A cluster of the user's, with the user's kubectl if there is one.
    fn other(layout: Layout, kubeconfig: PathBuf) -> Result<Self, ClusterError> {
        let installed = command::attempt(Command::new("kubectl").args(["version", "--client"]));
        let kubectl = if installed.is_ok() { PathBuf::from("kubectl") } else { tools::tool("kubectl")? };
        let cluster = Self { layout, binaries: None, kubeconfig, kubectl };
        let ready = cluster.run(&["get", "--raw=/readyz"]);
        ready.map_err(|error| ClusterError::Unreachable {
            kubeconfig: cluster.kubeconfig.clone(),
            message: error.to_string(),
        })?;
        Ok(cluster)
    }

    /// Whether it is the local cluster, which may be loaded with images, and broken and repaired.
    pub fn is_local(&self) -> bool {
        self.binaries.is_some()
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// kubectl, talking to this cluster.
    pub fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.env("KUBECONFIG", &self.kubeconfig);
        if self.is_local() {
            // A person's preferences would change what commands mean.
            command.env("KUBERC", "off");
            if privilege::is_root() {
                // Under sudo the home is a person's, who could not write there any more.
                command.env("KUBECACHEDIR", self.layout.run().join("kubectl"));
            }
        }
        command
    }

    /// Helm, talking to this cluster; built first if need be.
    pub fn helm(&self) -> Result<Command, ClusterError> {
        let mut command = Command::new(tools::tool("helm")?);
        command.env("KUBECONFIG", &self.kubeconfig);
        Ok(command)
    }

    /// Runs kubectl to the end and returns what it printed.
    pub fn run(&self, arguments: &[&str]) -> Result<String, ClusterError> {
        command::output(self.kubectl().args(arguments))
    }

    /// Applies manifests, YAML or JSON.
    pub fn apply(&self, manifests: &str) -> Result<(), ClusterError> {
        let mut kubectl = self.kubectl();
        kubectl.args(["apply", "--server-side", "--force-conflicts", "--filename=-"]);
        let failed = |message: String| ClusterError::Command { command: "kubectl apply".to_owned(), message };
        let piped = kubectl.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = piped.spawn().map_err(|error| failed(error.to_string()))?;
        if let Some(mut input) = child.stdin.take() {
            // kubectl that ends early says why itself.
            let _ = input.write_all(manifests.as_bytes());
        }
        let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }

    /// Makes images known to the local node, through sudo if need be.
    pub fn load(&self, archives: &[PathBuf]) -> Result<(), ClusterError> {
        self.local_binaries(
            "push the images to a registry that it can pull from (`make images REGISTRY=... PUSH=1`)",
        )?;
        image::import(&self.layout, archives)
    }

    /// Makes a static program known to the local node as an image of its own, whose entry point it is,
    /// through sudo if need be.
    pub fn load_program(&self, name: &str, program: &Path) -> Result<String, ClusterError> {
        self.local_binaries("name an image that it can pull")?;
        image::ensure(&self.layout, name, program, &[])?;
        Ok(name.to_owned())
    }

    /// Ends a component without warning, as a crash would. Needs root.
    pub fn kill(&self, component: Component) -> Result<(), ClusterError> {
        self.local_binaries("break its components by its own means")?;
        let _lock = start::lock(&self.layout)?;
        supervise::stop(&self.layout, component, std::time::Duration::ZERO)
    }

    /// Stops a component if it runs, starts it, and waits until it does its work. Needs root.
    pub fn restart(&self, component: Component) -> Result<(), ClusterError> {
        let binaries = self.local_binaries("restart its components by its own means")?;
        let _lock = start::lock(&self.layout)?;
        supervise::stop(&self.layout, component, GRACE)?;
        supervise::ensure(&self.layout, component, &component.daemon(&self.layout, binaries)?)?;
        ready::wait(self, &self.layout, component)
    }

    /// The log of a component.
    pub fn log(&self, component: Component) -> PathBuf {
        self.layout.log(component.name())
    }

    /// Which components of the local cluster run.
    pub fn status(layout: &Layout) -> Vec<ComponentStatus> {
        let of = |component| ComponentStatus { component, process: supervise::running(layout, component) };
        Component::ALL.into_iter().map(of).collect()
    }

    /// Where the local cluster is; an error for another one, whose owner must do it by `way_out`.
    pub(crate) fn local_layout(&self, way_out: &'static str) -> Result<&Layout, ClusterError> {
        self.local_binaries(way_out).map(|_| &self.layout)
    }

    fn local_binaries(&self, way_out: &'static str) -> Result<&Binaries, ClusterError> {
        let external = || ClusterError::External { kubeconfig: self.kubeconfig.clone(), way_out };
        self.binaries.as_ref().ok_or_else(external)
    }
}
