//! An operator of a later release takes over.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use kivi_cluster::Cluster;
use kivi_tests::install;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::own::Own;
use crate::stage::Stage;
use crate::versions::{Catalog, told};

const POLL: Duration = Duration::from_millis(250);

/// The operator of a later release, which `scripts/next-operator.sh` builds beside this one.
fn next() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join("kivi-operator-next");
    assert!(path.exists(), "{} is missing: run scripts/next-operator.sh", path.display());
    path
}

fn print(program: &PathBuf, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

async fn define(yaml: String) {
    tokio::task::spawn_blocking(move || Cluster::attach()?.apply(&yaml)).await.unwrap().unwrap();
}

/// The pod of a store, and how often its StatefulSet changed.
async fn pods(stage: &Stage, store: &str) -> (String, Value) {
    let set = stage.kubectl.get("statefulset", store).await.unwrap();
    (stage.pod_uid(&format!("{store}-0")).await, set["metadata"]["generation"].clone())
}

async fn version(stage: &Stage, store: &str) -> Value {
    stage.kubectl.get("kvs", store).await.unwrap()["spec"]["version"].take()
}

#[tokio::test]
async fn an_operator_of_a_later_release_restarts_no_store() {
    const FULL: &str = "{version: 0.1.0, limits: {memory: 64Mi}, sidecar: {throttle: {rate: 100}}, pod: {labels: {team: shop}}}";
    let (next, release) = (next(), "0.2.0");
    assert_eq!(print(&next, "--version").trim(), format!("kivi-operator {release}"));
    let stage = Stage::open_without_operator("upgrade").await;
    let own = Own::start(&[], None).await;
    for (store, spec) in [("plain", "{}"), ("full", FULL)] {
        stage.apply_store(store, spec).await.unwrap();
    }
    for store in ["plain", "full"] {
        stage.wait_ready(store).await;
    }
    own.stop().await;
    let before = (pods(&stage, "plain").await, pods(&stage, "full").await);
    let written = (stage.resource_versions("plain").await, stage.resource_versions("full").await);

    // As helm does: the definition first, whose default is another now.
    define(print(&next, "crd")).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    let made = ["create", "--dry-run=server", "-o", "jsonpath={.spec.version}", "-f"];
    let example = install::checkout().join("docs/examples/keyvaluestore.yaml");
    while stage
        .kubectl
        .run(made.iter().map(ToString::to_string).chain([example.display().to_string()]))
        .await
        .unwrap()
        != release
    {
        assert!(Instant::now() < deadline, "the API server does not take the new definition");
        sleep(POLL).await;
    }
    let set = stage.kubectl.get("statefulset", "plain").await.unwrap();
    let pod = &set["spec"]["template"]["spec"];
    let images = format!(
        "{{server: {}, sidecar: {}}}",
        pod["containers"][0]["image"], pod["initContainers"][0]["image"]
    );
    let catalog = Catalog::new(&format!("{{0.1.0: {images}}}"));
    let own = Own::start_program(Some(&next), &[&catalog.flag()], None).await;
    own.until("through", Duration::from_secs(30), async |own| {
        own.metric("kivi_operator_reconciliations_total").await >= 2
    })
    .await;
    // A user who applies the same again does not get another version either.
    stage.apply_store("plain", "{}").await.unwrap();
    drop(stage.ready_store("fresh", "{}").await);
    assert_eq!(version(&stage, "plain").await, "0.1.0");
    assert_eq!(version(&stage, "fresh").await, release);
    assert_eq!((pods(&stage, "plain").await, pods(&stage, "full").await), before);
    let without_fresh = |versions: Vec<String>| -> Vec<String> {
        versions.into_iter().filter(|line| !line.contains("/fresh ")).collect()
    };
    let now = (stage.resource_versions("plain").await, stage.resource_versions("full").await);
    assert_eq!((without_fresh(now.0), without_fresh(now.1)), written, "nothing at all was written");

    // A catalog that forgot a version stops nobody who runs it.
    catalog.write("{}");
    told(&stage, "full", "Degraded", "VersionNotSupported").await;
    assert_eq!(stage.condition("full", "Ready").await["status"], "True");
    assert_eq!((pods(&stage, "plain").await, pods(&stage, "full").await), before);
    own.stop().await;
    let plain = std::fs::read_to_string(install::checkout().join("crds/keyvaluestores.kivi.dev.yaml"));
    define(plain.unwrap()).await;
    stage.with_operator().await;
}
