//! A change of the catalog reaches one store after another.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::own::Own;
use crate::stage::Stage;
use crate::versions::{Catalog, NO_IMAGES, images, told};

const STORES: [&str; 3] = ["a", "b", "c"];
const DEADLINE: Duration = Duration::from_secs(150);
const POLL: Duration = Duration::from_millis(200);

#[tokio::test]
async fn an_image_of_the_catalog_reaches_one_store_after_another_and_a_bad_one_only_the_first() {
    let stage = Stage::open_without_operator("staggered").await;
    let (old, new) = (images("0.2.0").await, images("0.2.0-rebuilt").await);
    let catalog = Catalog::new(&format!("{{0.2.0: {old}}}"));
    let own = Own::start(&[&catalog.flag()], None).await;
    for store in STORES {
        stage.apply_store(store, "{version: 0.2.0}").await.unwrap();
    }
    for store in STORES {
        stage.wait_ready(store).await;
    }

    catalog.write(&format!("{{0.2.0: {new}}}"));
    let mut waited = BTreeSet::new();
    let deadline = Instant::now() + DEADLINE;
    loop {
        let sets = sets(&stage).await;
        let rolling = names(&sets, is_rolling);
        assert!(rolling.len() <= 1, "{rolling:?} at the same time");
        for store in STORES {
            // Both of one status: its turn may come at any time.
            let [progress, ready] = stage.conditions(store, ["Progressing", "Ready"]).await;
            if progress["reason"] == "RolloutQueued" {
                assert_eq!(ready["status"], "True", "{store} serves while it waits");
                waited.insert(store);
            }
        }
        if rolling.is_empty() && names(&sets, |set| server(set).contains("rebuilt")).len() == STORES.len() {
            break;
        }
        assert!(Instant::now() < deadline, "{rolling:?} goes on and on");
        sleep(POLL).await;
    }
    assert!(waited.len() >= 2, "only {waited:?} waited");
    for store in STORES {
        stage.wait_ready(store).await;
    }

    let before = pods(&stage).await;
    catalog.write(&format!("{{0.2.0: {NO_IMAGES}}}"));
    let failed = loop {
        let sets = sets(&stage).await;
        if let Some(store) = names(&sets, is_rolling).first() {
            break store.clone();
        }
        sleep(POLL).await;
    };
    told(&stage, &failed, "Degraded", "ImagePullFailed").await;
    for store in STORES.into_iter().filter(|store| *store != failed) {
        let stopped = told(&stage, store, "Progressing", "RolloutStopped").await;
        assert!(stopped["message"].as_str().unwrap().contains(&format!("/{failed}")), "{stopped}");
        // What its user asks for is not held up.
        assert_eq!(stage.condition(store, "Ready").await["status"], "True");
    }
    catalog.write(&format!("{{0.2.0: {new}}}"));
    for store in STORES {
        told(&stage, store, "Progressing", "Settled").await;
        stage.wait_ready(store).await;
    }
    let after = pods(&stage).await;
    for (store, (before, after)) in STORES.into_iter().zip(before.iter().zip(&after)) {
        assert_eq!(before == after, store != failed, "{store}");
    }
    own.stop().await;
    stage.with_operator().await;
}

async fn sets(stage: &Stage) -> Value {
    serde_json::from_str(&stage.kubectl.run(["get", "statefulsets", "-o", "json"]).await.unwrap()).unwrap()
}

async fn pods(stage: &Stage) -> Vec<String> {
    let mut uids = Vec::new();
    for store in STORES {
        uids.push(stage.pod_uid(&format!("{store}-0")).await);
    }
    uids
}

fn names(sets: &Value, holds: impl Fn(&Value) -> bool) -> Vec<String> {
    let all = sets["items"].as_array().unwrap().iter().filter(|set| holds(set));
    all.map(|set| set["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn is_rolling(set: &Value) -> bool {
    let status = &set["status"];
    status["observedGeneration"] != set["metadata"]["generation"]
        || status["currentRevision"] != status["updateRevision"]
}

fn server(set: &Value) -> &str {
    set["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap()
}
