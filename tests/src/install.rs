//! Puts this checkout's operator into the cluster, as the README tells a user to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use kivi_cluster::{Cluster, ClusterError, tools};
use tokio::sync::Mutex;

use crate::Failure;
use crate::cert_manager::{self, Parts};
use crate::kubectl::Kubectl;
use crate::operator::HostOperator;

/// Namespace and release of the operator.
const NAMESPACE: &str = "kivi-system";
const RELEASE: &str = "kivi";

/// What the chart calls its Deployment.
const DEPLOYMENT: &str = "kivi-operator";

/// Where images come from: the same variables as of `make images`.
const REGISTRY: &str = "REGISTRY";
const TAG: &str = "TAG";

/// Names an operator to run beside the cluster, for quick turns: a debug build instead of an image.
const PROGRAM: &str = "KIVI_OPERATOR";

/// The checkout that this was built from.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The cluster, with an operator in it, or beside it.
#[derive(Debug)]
pub struct Installed {
    /// Commands against the cluster.
    pub kubectl: Kubectl,
    operator: Mutex<Operator>,
}

/// Where the operator is.
#[derive(Debug)]
enum Operator {
    /// In the cluster.
    Inside,
    /// Beside it; it stops with this.
    Beside(Box<HostOperator>),
    /// Nowhere: a test runs its own.
    Away,
}

impl Installed {
    /// Whether the operator runs beside the cluster.
    pub async fn is_beside(&self) -> bool {
        matches!(*self.operator.lock().await, Operator::Beside(_))
    }

    /// The process of an operator beside the cluster, for whoever measures it; none before it started.
    pub async fn process(&self) -> Option<u32> {
        match &*self.operator.lock().await {
            Operator::Beside(operator) => operator.process(),
            Operator::Inside | Operator::Away => None,
        }
    }

    /// Stops the operator, until it is recalled.
    ///
    /// # Errors
    /// When it does not stop.
    pub async fn dismiss(&self) -> Result<(), Failure> {
        let system = self.kubectl.namespace(NAMESPACE);
        match std::mem::replace(&mut *self.operator.lock().await, Operator::Away) {
            Operator::Away => Ok(()),
            Operator::Beside(operator) => operator.stop().await,
            Operator::Inside => {
                system.run(["scale", "deployment", DEPLOYMENT, "--replicas=0"]).await?;
                let pods = ["--for=delete", "pod", "--selector=app.kubernetes.io/component=operator"];
                system.run(["wait", "--timeout=60s"].iter().chain(&pods)).await.map(drop)
            }
        }
    }

    /// Starts the operator where it was, if it was dismissed.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn recall(&self) -> Result<(), Failure> {
        let mut operator = self.operator.lock().await;
        if !matches!(*operator, Operator::Away) {
            return Ok(());
        }
        let system = self.kubectl.namespace(NAMESPACE);
        *operator = if let Some(program) = std::env::var_os(PROGRAM) {
            let operator = HostOperator::start(&system, DEPLOYMENT, Path::new(&program), &[]).await?;
            Operator::Beside(Box::new(operator))
        } else {
            system.run(["scale", "deployment", DEPLOYMENT, "--replicas=1"]).await?;
            system.run(["rollout", "status", "deployment", DEPLOYMENT, "--timeout=120s"]).await?;
            Operator::Inside
        };
        Ok(())
    }

    /// One more operator, beside the cluster, with these flags and perhaps another way to the API server; `other` is
    /// another program than the tests' own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn another(
        &self,
        other: Option<&Path>,
        flags: &[&str],
        through: Option<SocketAddr>,
    ) -> Result<HostOperator, Failure> {
        let system = self.kubectl.namespace(NAMESPACE);
        let program = other.map_or_else(program, Path::to_path_buf);
        HostOperator::start_through(&system, DEPLOYMENT, &program, flags, through).await
    }
}

/// The operator to run beside the cluster: the one that the environment names, else this checkout's debug build,
/// which lies beside the tests.
pub fn program() -> PathBuf {
    let built = || {
        let test = std::env::current_exe().unwrap_or_default();
        test.ancestors().nth(2).unwrap_or(Path::new("target/debug")).join("kivi-operator")
    };
    std::env::var_os(PROGRAM).map_or_else(built, PathBuf::from)
}

/// Installs the chart into the cluster that is up, and waits until the operator is ready.
///
/// # Errors
/// When no cluster is up, or the chart or the operator does not come up.
pub async fn operator() -> Result<Installed, Failure> {
    let (cluster, helm) = blocking(|| Ok((Cluster::attach()?, tools::tool("helm")?))).await?;
    let program = PathBuf::from(cluster.kubectl().get_program());
    let kubectl = Kubectl::new(program, helm, cluster.kubeconfig().to_owned());
    let system = kubectl.namespace(NAMESPACE);
    let chart = checkout().join("charts/kivi-operator").display().to_string();
    let flags = ["upgrade", "--install", "--create-namespace", "--wait", "--timeout=180s", RELEASE, &chart];
    let mut args: Vec<String> = flags.map(String::from).into();
    for (variable, value) in [(REGISTRY, "image.registry"), (TAG, "image.tag")] {
        if let Ok(set) = std::env::var(variable) {
            args.push(format!("--set-string={value}={set}"));
        }
    }
    let program = std::env::var(PROGRAM).ok();
    if program.is_some() {
        args.push("--set=replicaCount=0".to_owned());
    }
    system.helm(&args).await?;
    if let Some(program) = program {
        let operator = HostOperator::start(&system, DEPLOYMENT, Path::new(&program), &[]).await?;
        return Ok(Installed { kubectl, operator: Mutex::new(Operator::Beside(Box::new(operator))) });
    }
    // The tag of a working copy stays while its images change.
    system.run(["rollout", "restart", "deployment", DEPLOYMENT]).await?;
    system.run(["rollout", "status", "deployment", DEPLOYMENT, "--timeout=120s"]).await?;
    Ok(Installed { kubectl, operator: Mutex::new(Operator::Inside) })
}

/// An image of Jaeger that the cluster can run: built here for the local cluster, else the published one.
///
/// # Errors
/// When it cannot be built or loaded.
pub async fn jaeger_image() -> Result<String, Failure> {
    blocking(|| {
        let cluster = Cluster::attach()?;
        if cluster.is_local() {
            cluster.load_program("localhost/kivi-cluster/jaeger:1", &tools::tool("jaeger")?)
        } else {
            Ok("docker.io/jaegertracing/all-in-one:1.76.0".to_owned())
        }
    })
    .await
}

/// The image of versitygw, an S3 server: built from its Go module and loaded on the local cluster.
///
/// # Errors
/// When it cannot be built or loaded.
pub async fn s3_image() -> Result<String, Failure> {
    blocking(|| {
        let cluster = Cluster::attach()?;
        if cluster.is_local() {
            cluster.load_program("localhost/kivi-cluster/versitygw:1", &tools::tool("versitygw")?)
        } else {
            Ok("docker.io/versity/versitygw:v1.8.0".to_owned())
        }
    })
    .await
}

/// cert-manager for the local cluster, built here; none for another cluster.
///
/// # Errors
/// When it cannot be built or loaded.
pub async fn cert_manager() -> Result<Option<Parts>, Failure> {
    let built = blocking(|| {
        let cluster = Cluster::attach()?;
        if !cluster.is_local() {
            return Ok(None);
        }
        let program = tools::tool("cert-manager")?;
        Ok(Some((cluster.load_program("localhost/kivi-cluster/cert-manager:1", &program)?, program)))
    });
    let Some((image, program)) = built.await? else {
        return Ok(None);
    };
    let kinds = ["certificaterequests", "certificates", "challenges", "clusterissuers", "issuers", "orders"];
    let read = |kind: &str| {
        let path = program.with_file_name(format!("crd-{kind}.yaml"));
        let template = std::fs::read_to_string(&path);
        template.map_err(|error| Failure::doing(&format!("reading {}", path.display()), error))
    };
    let definitions: Result<Vec<String>, Failure> =
        kinds.into_iter().map(|kind| Ok(cert_manager::rendered(&read(kind)?))).collect();
    Ok(Some(Parts { image, definitions: definitions? }))
}

/// Runs what builds tools or talks to the node, for minutes perhaps, beside the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ClusterError> + Send + 'static,
) -> Result<T, Failure> {
    let ended = tokio::task::spawn_blocking(work).await.map_err(|error| Failure::new(error.to_string()))?;
    ended.map_err(|error| Failure::new(error.to_string()))
}
