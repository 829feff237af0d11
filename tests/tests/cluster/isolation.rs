//! Nothing reaches the data around the sidecar.

use crate::stage::Stage;

/// Ports that another pod may reach: the client port and the two health ports.
const OPEN: [u16; 3] = [8081, 8091, 8443];

#[tokio::test]
async fn another_pod_reaches_neither_the_server_nor_an_admin_port() {
    let stage = Stage::open("isolation").await;
    drop(stage.ready_store("orders", "{}").await);
    let pod = stage.kubectl.get("pod", "orders-0").await.unwrap();
    let address = pod["status"]["podIP"].as_str().unwrap().to_owned();

    let open = stage.scan_from_another_pod(&address, 1..=u16::MAX).await;

    assert_eq!(open, OPEN, "ports that another pod reaches");
}
