//! `make demo`: the operator, one store, and a tour of its REST API, each step said before it is taken.

use std::time::Instant;

use crate::dataset::Record;
use crate::kubectl::Kubectl;
use crate::store::{Store, put_all, verify_all};
use crate::{Failure, dataset, install, tour};

const EXAMPLE: &str = "docs/examples/keyvaluestore.yaml";
const NAME: &str = "orders";
const RECORDS: usize = 2_000;

/// Runs the demo against the cluster that is up; leaves the store running.
///
/// # Errors
/// Names the step that failed.
pub async fn run() -> Result<(), Failure> {
    say("Installing the operator: helm upgrade --install kivi charts/kivi-operator --namespace kivi-system");
    let installed = install::operator().await?;
    let kubectl = &installed.kubectl;

    say(&format!("Applying {EXAMPLE}"));
    let start = Instant::now();
    // As the README does, so that whoever goes on by hand meets no warning of another way to apply.
    let example = install::checkout().join(EXAMPLE).display().to_string();
    kubectl.run(["apply", "-f", &example]).await?;
    kubectl.wait("condition=Ready", &format!("kvs/{NAME}"), "180s").await?;
    say(&format!("Ready after {:.1} s:", start.elapsed().as_secs_f64()));
    println!("{}", kubectl.run(["get", "keyvaluestores,pods,services"]).await?);

    say(&format!("A tour of the REST API, through kubectl port-forward svc/{NAME} :443"));
    let store = Store::reach(kubectl, NAME).await?;
    let client = store.client()?;
    tour::walk(&client, &store.anonymous_client()?, |exchange| println!("{exchange}")).await?;

    say(&format!("Storing {RECORDS} records of this machine's package index, and reading each back"));
    let records = dataset::load(RECORDS)?;
    timed("stored", put_all(&client, &records)).await?;
    timed("read back, equal byte for byte", verify_all(&client, &records)).await?;
    drop(store);

    say(&format!("Deleting the pod {NAME}-0; its log is on the volume"));
    kubectl.run(["delete", "pod", &format!("{NAME}-0")]).await?;
    kubectl.wait("create", &format!("pod/{NAME}-0"), "60s").await?;
    kubectl.wait("condition=Ready", &format!("pod/{NAME}-0"), "120s").await?;
    let store = Store::reach(kubectl, NAME).await?;
    timed("read back from the new pod", verify_all(&store.client()?, &records)).await?;

    println!("{}", farewell(kubectl, &records[0]));
    Ok(())
}

async fn timed(what: &str, work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let start = Instant::now();
    work.await?;
    println!("{RECORDS} records {what} in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn say(step: &str) {
    println!("\n==> {step}");
}

/// How to go on and how to stop, with commands that work as they stand.
fn farewell(kubectl: &Kubectl, record: &Record) -> String {
    let kubeconfig = kubectl.kubeconfig().display();
    format!(
        r#"
==> The store runs on. To go on by hand:

  export KUBECONFIG={kubeconfig}
  alias kubectl={program} helm={helm}
  helm list -n kivi-system
  kubectl get kvs {NAME} -o wide
  kubectl get configmap {NAME}-ca -o 'jsonpath={{.data.ca\.crt}}' > ca.crt
  TOKEN=$(kubectl get secret {NAME}-token -o 'go-template={{{{.data.token | base64decode}}}}')
  kubectl port-forward svc/{NAME} 8443:443 &
  curl --retry 5 --retry-connrefused --cacert ca.crt -H "Authorization: Bearer $TOKEN" https://localhost:8443{path}

To stop it all: make down"#,
        program = kubectl.program().display(),
        helm = kubectl.helm_program().display(),
        path = kivi_api::key::to_path(record.key.as_bytes()),
    )
}
