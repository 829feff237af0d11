//! The node's agent goes and comes back.

use kivi_cluster::{Cluster, Component};

use crate::stage::Stage;

#[tokio::test]
async fn a_restart_of_the_kubelet_leaves_a_store_alone() {
    let stage = Stage::open("kubelet").await;
    drop(stage.ready_store("orders", "{}").await);
    let before = stage.pod_uid("orders-0").await;
    tokio::task::spawn_blocking(|| Cluster::attach()?.restart(Component::Kubelet)).await.unwrap().unwrap();
    stage.wait_ready("orders").await;
    let pod = stage.kubectl.get("pod", "orders-0").await.unwrap();
    assert_eq!(stage.pod_uid("orders-0").await, before);
    assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 0);
}
