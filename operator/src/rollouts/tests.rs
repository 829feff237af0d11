use k8s_openapi::api::apps::v1::StatefulSet;
use kube_runtime::reflector::{self, store::Writer};
use kube_runtime::watcher::Event;
use serde_json::json;

use super::*;
use crate::build::stateful_set::{QUEUED, TEMPLATE};

/// The watches of a test, and what is decided by them.
struct Cluster {
    sets: Writer<StatefulSet>,
    stores: Writer<Watched>,
    rollouts: Rollouts,
}

impl Cluster {
    fn new(most: u16) -> Self {
        let (sets_reader, mut sets) = reflector::store();
        let (stores_reader, stores) = reflector::store();
        sets.apply_watcher_event(&Event::InitDone);
        let rollouts = Rollouts::new(most);
        rollouts.begin(sets_reader, stores_reader);
        Self { sets, stores, rollouts }
    }

    /// A StatefulSet as its watch shows it: with this template, which waited for its turn or did not, old and new revision.
    fn shows(&mut self, name: &str, template: &str, queued: bool, revisions: [&str; 2]) {
        let mut set: StatefulSet = serde_json::from_value(json!({
            "metadata": {"name": name, "namespace": "shop", "generation": 1, "annotations": {TEMPLATE: template}},
            "status": {"replicas": 1, "observedGeneration": 1, "currentRevision": revisions[0], "updateRevision": revisions[1]},
        }))
        .unwrap();
        if queued {
            set.annotations_mut().insert(QUEUED.to_owned(), "true".to_owned());
        }
        self.sets.apply_watcher_event(&Event::Apply(set));
    }

    fn degraded(&mut self, name: &str, status: &str) {
        let store = json!({
            "metadata": {"name": name, "namespace": "shop"}, "spec": {},
            "status": {"conditions": [{
                "type": "Degraded", "status": status, "reason": "R", "message": "", "lastTransitionTime": "2026-11-22T10:00:00Z",
            }]},
        });
        self.stores.apply_watcher_event(&Event::Apply(serde_json::from_value(store).unwrap()));
    }

    async fn asks(&self, name: &str) -> &'static str {
        match self.rollouts.turn(&key(name), "new").await {
            Turn::Now => "now",
            Turn::Waits(wait) => wait.reason(),
        }
    }

    fn called(&self) -> Vec<String> {
        self.rollouts.call().into_iter().map(|store| store.name).collect()
    }
}

fn key(name: &str) -> Key {
    Key::new(name).within("shop")
}

#[tokio::test]
async fn one_store_after_another_is_called_when_the_last_is_done() {
    let mut cluster = Cluster::new(1);
    for name in ["a", "b", "c"] {
        cluster.shows(name, "old", false, ["1", "1"]);
    }
    // The turn holds before any watch shows it.
    let turns = [cluster.asks("a").await, cluster.asks("b").await, cluster.asks("c").await];
    assert_eq!(turns, ["now", "RolloutQueued", "RolloutQueued"]);
    assert_eq!(cluster.asks("a").await, "now", "who has a turn may ask again");
    assert_eq!(cluster.called(), [""; 0]);
    cluster.shows("a", "new", true, ["1", "2"]);
    assert_eq!(cluster.called(), [""; 0]);
    cluster.shows("a", "new", true, ["2", "2"]);
    assert_eq!(cluster.called(), ["b"]);
    assert_eq!(
        (cluster.asks("c").await, cluster.asks("b").await),
        ("now", "RolloutQueued"),
        "first come, first served"
    );
    cluster.shows("c", "new", true, ["2", "2"]);
    assert_eq!(cluster.called(), ["b"]);
    assert_eq!(cluster.called(), [""; 0], "who was called asks, or has no need to");
}

#[tokio::test]
async fn a_failed_one_stops_the_queue_and_all_are_told_once() {
    let mut cluster = Cluster::new(2);
    for name in ["b", "c", "d"] {
        cluster.shows(name, "old", false, ["1", "1"]);
    }
    cluster.shows("a", "new", true, ["1", "2"]);
    assert_eq!((cluster.asks("b").await, cluster.asks("c").await), ("now", "RolloutQueued"));
    cluster.shows("b", "new", true, ["2", "2"]);
    cluster.degraded("a", "True");
    assert_eq!(cluster.called(), ["c"]);
    assert_eq!((cluster.asks("c").await, cluster.asks("d").await), ("RolloutStopped", "RolloutStopped"));
    assert_eq!(cluster.called(), [""; 0], "there is room, but not for them");
    assert_eq!(cluster.asks("a").await, "now", "what mends it is not held up");
    cluster.degraded("a", "False");
    assert_eq!(cluster.called(), ["c", "d"]);
}

#[tokio::test]
async fn what_needs_no_turn_takes_none() {
    let mut cluster = Cluster::new(1);
    // A user's own change, and a store that failed without one.
    cluster.shows("a", "old", false, ["1", "2"]);
    cluster.shows("b", "old", false, ["1", "1"]);
    cluster.degraded("b", "True");
    cluster.shows("c", "old", false, ["1", "1"]);
    assert_eq!(cluster.asks("c").await, "now");
    // A turn that could not be taken is given back, and so is that of a store that is gone.
    assert_eq!(cluster.asks("b").await, "RolloutQueued");
    cluster.rollouts.leave(&key("c"));
    assert_eq!(cluster.called(), ["b"]);
    assert_eq!(cluster.asks("gone").await, "now");
    assert_eq!(cluster.asks("b").await, "now");
    cluster.rollouts.leave(&key("b"));
    assert_eq!(cluster.called(), [""; 0]);
}
