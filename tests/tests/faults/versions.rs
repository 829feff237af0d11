//! Versions of stores, out of a catalog that changes while the operator runs.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use kivi_cluster::Cluster;
use kivi_tests::store::{put_all, verify_all};
use kivi_tests::{dataset, install};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::own::Own;
use crate::stage::Stage;

const DEADLINE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(250);
const RECORDS: usize = 300;

/// The file of a catalog.
pub(crate) struct Catalog {
    folder: TempDir,
}

impl Catalog {
    pub(crate) fn new(text: &str) -> Self {
        let catalog = Self { folder: tempfile::tempdir().unwrap() };
        catalog.write(text);
        catalog
    }

    pub(crate) fn write(&self, text: &str) {
        // As a whole: the operator may look at any time.
        let fresh = self.folder.path().join("fresh");
        fs::write(&fresh, text).unwrap();
        fs::rename(fresh, self.path()).unwrap();
    }

    pub(crate) fn flag(&self) -> String {
        format!("--catalog={}", self.path().display())
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("catalog.yaml")
    }
}

/// Images of the programs that were built, under names and with contents of their own.
pub(crate) async fn images(tag: &str) -> String {
    let tag = tag.to_owned();
    tokio::task::spawn_blocking(move || {
        let cluster = Cluster::attach().unwrap();
        let [server, sidecar] = ["kivi-server", "kivi-sidecar"].map(|program| {
            let built = install::checkout().join("dist/image/bin").join(program);
            cluster.load_program(&format!("localhost/kivi-tests/{program}:{tag}"), &built).unwrap()
        });
        format!("{{server: '{server}', sidecar: '{sidecar}'}}")
    })
    .await
    .unwrap()
}

/// A reference to images that nobody has.
pub(crate) const NO_IMAGES: &str =
    "{server: 'localhost/kivi-tests/nosuch:1', sidecar: 'localhost/kivi-tests/nosuch:1'}";

/// Waits until a condition of a store has this reason.
pub(crate) async fn told(stage: &Stage, store: &str, condition: &str, reason: &str) -> Value {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let found = stage.condition(store, condition).await;
        if found["reason"] == reason {
            return found;
        }
        assert!(Instant::now() < deadline, "{store}: {condition} is not {reason}: {found}");
        sleep(POLL).await;
    }
}

async fn version(stage: &Stage) -> Value {
    stage.kubectl.get("kvs", "orders").await.unwrap()["status"]["version"].take()
}

/// The image that the server of a store runs, by its content.
async fn image(stage: &Stage) -> Value {
    let pod = stage.kubectl.get("pod", "orders-0").await.unwrap();
    pod["status"]["containerStatuses"][0]["imageID"].clone()
}

async fn asks_for(stage: &Stage, version: &str) {
    stage.apply_store("orders", &format!("{{version: {version}}}")).await.unwrap();
}

#[tokio::test]
async fn a_store_goes_up_and_down_with_its_data_and_back_from_a_version_that_does_not_start() {
    let stage = Stage::open_without_operator("versions").await;
    let second = images("0.2.0").await;
    let catalog = format!("{{0.2.0: {second}, 0.3.0: {NO_IMAGES}}}");
    let file = Catalog::new(&catalog);
    let own = Own::start(&[&file.flag()], None).await;
    let store = stage.ready_store("orders", "{version: 0.1.0}").await;
    let records = dataset::load(RECORDS).unwrap();
    put_all(&store.client().unwrap(), &records).await.unwrap();
    let (first_image, first_pod) = (image(&stage).await, stage.pod_uid("orders-0").await);

    asks_for(&stage, "9.9.9").await;
    let refused = told(&stage, "orders", "Degraded", "VersionNotSupported").await;
    assert!(refused["message"].as_str().unwrap().ends_with("write one of 0.1.0, 0.2.0, 0.3.0."), "{refused}");
    assert_eq!((stage.pod_uid("orders-0").await, version(&stage).await), (first_pod, "0.1.0".into()));
    verify_all(&store.client().unwrap(), &records).await.unwrap();
    drop(store);

    asks_for(&stage, "0.2.0").await;
    stage.wait_ready("orders").await;
    assert_eq!(version(&stage).await, "0.2.0");
    let second_image = image(&stage).await;
    assert_ne!(second_image, first_image);
    verify_all(&stage.reach("orders").await.client().unwrap(), &records).await.unwrap();

    asks_for(&stage, "0.3.0").await;
    told(&stage, "orders", "Degraded", "ImagePullFailed").await;
    assert_eq!(version(&stage).await, "0.2.0", "what served last");
    asks_for(&stage, "0.1.0").await;
    stage.wait_ready("orders").await;
    assert_eq!((version(&stage).await, image(&stage).await), ("0.1.0".into(), first_image));
    verify_all(&stage.reach("orders").await.client().unwrap(), &records).await.unwrap();

    // A version that comes while the operator runs, and writes what earlier ones cannot read.
    let later = second.replace('}', ", logFormat: 2}");
    file.write(&format!("{{0.2.0: {second}, 0.4.0: {later}}}"));
    asks_for(&stage, "0.4.0").await;
    stage.wait_ready("orders").await;
    let pod = stage.pod_uid("orders-0").await;
    asks_for(&stage, "0.2.0").await;
    let refused = told(&stage, "orders", "Degraded", "DowngradeNotPossible").await;
    assert!(refused["message"].as_str().unwrap().contains("0.4.0 wrote format 2"), "{refused}");
    assert_eq!(stage.pod_uid("orders-0").await, pod);
    own.stop().await;
    stage.with_operator().await;
}
