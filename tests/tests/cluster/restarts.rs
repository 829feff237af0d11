//! What restarts a store's pods, and what does not.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use tokio::time::{Instant, sleep};

use crate::plugin;
use crate::stage::Stage;

const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(250);

#[tokio::test]
async fn a_limit_needs_no_restart() {
    let stage = Stage::open("limits").await;
    drop(stage.ready_store("orders", "{}").await);
    let pod = stage.pod_uid("orders-0").await;
    let spec =
        "{sidecar: {throttle: {rate: 1, burst: 2}, maxInFlight: 50, timeouts: {request: 5s, idle: 2m}}}";
    stage.apply_store("orders", spec).await.unwrap();
    let store = stage.reach("orders").await;
    let client = store.client().unwrap();
    let deadline = Instant::now() + DEADLINE;
    for touch in 0.. {
        // The kubelet brings the file within a minute or two, or when it looks at the pod anyway.
        let touched = format!("touched={touch}");
        stage.kubectl.run(["annotate", "pod", "orders-0", &touched, "--overwrite"]).await.unwrap();
        let mut refused = 0;
        for _ in 0..5 {
            let answer =
                client.request(Method::GET, "/v1/absent", HeaderMap::new(), bytes::Bytes::new()).await;
            refused += u32::from(answer.unwrap().status() == StatusCode::TOO_MANY_REQUESTS);
        }
        if refused >= 2 {
            break;
        }
        assert!(Instant::now() < deadline, "the throttle is not in force");
        sleep(POLL).await;
    }
    assert_eq!(stage.pod_uid("orders-0").await, pod);
}

#[tokio::test]
async fn a_restart_happens_once_for_each_value() {
    let stage = Stage::open("restarts").await;
    drop(stage.ready_store("orders", "{}").await);
    let first = stage.pod_uid("orders-0").await;
    let output = plugin::kivi(&stage, &["restart", "orders"]);
    assert!(output.status.success(), "{}", plugin::said(&output).1);
    restarted(&stage, &first).await;
    let second = stage.pod_uid("orders-0").await;
    let generation = generation(&stage).await;
    // To take it away restarts nothing: the operator has looked when it has done what came later.
    stage.kubectl.run(["annotate", "kvs", "orders", "kivi.dev/restart-"]).await.unwrap();
    stage.apply_store("orders", "{service: {annotations: {looked: 'yes'}}}").await.unwrap();
    stage.kubectl.wait("jsonpath={.metadata.annotations.looked}=yes", "service/orders", "30s").await.unwrap();
    stage.wait_ready("orders").await;
    assert_eq!((self::generation(&stage).await, stage.pod_uid("orders-0").await), (generation, second));
}

async fn generation(stage: &Stage) -> i64 {
    stage.kubectl.get("statefulset", "orders").await.unwrap()["metadata"]["generation"].as_i64().unwrap()
}

/// Waits until another pod serves.
async fn restarted(stage: &Stage, before: &str) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let pod = stage.kubectl.get("pod", "orders-0").await;
        if pod.is_ok_and(|pod| pod["metadata"]["uid"] != before) {
            return stage.wait_ready("orders").await;
        }
        assert!(Instant::now() < deadline, "the pod is the one that it was");
        sleep(POLL).await;
    }
}
