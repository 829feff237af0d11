//! The API server is away, slow, or silent.

use std::net::SocketAddr;
use std::time::Duration;

use kivi_api::{Client, Precondition};
use kivi_cluster::{Cluster, Component};
use tokio::time::{Instant, sleep};

use crate::own::{Own, acted_upon, edit, reaction};
use crate::proxy::Proxy;
use crate::stage::Stage;

/// The node's end of the wire to it, where the API server and node ports are.
const NODE: [u8; 4] = [198, 18, 255, 2];
const API_PORT: u16 = 6443;

async fn with_cluster<T: Send + 'static>(
    work: impl FnOnce(&Cluster) -> Result<T, kivi_cluster::ClusterError> + Send + 'static,
) -> T {
    tokio::task::spawn_blocking(move || work(&Cluster::attach()?)).await.unwrap().unwrap()
}

/// A client that needs no API server on its way: by the node's port.
async fn direct(stage: &Stage, store: &str) -> Client {
    let reached = stage.reach(store).await;
    let service = stage.kubectl.get("service", store).await.unwrap();
    let port = u16::try_from(service["spec"]["ports"][0]["nodePort"].as_u64().unwrap()).unwrap();
    Client::builder("https://localhost")
        .ca_pem(reached.ca().to_owned())
        .token(reached.token())
        .connect_to(SocketAddr::from((NODE, port)))
        .timeout(Duration::from_secs(5))
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_minute_without_the_api_server_fails_no_request_and_restarts_nobody() {
    let stage = Stage::open_without_operator("away").await;
    let own = Own::start(&[], None).await;
    stage.apply_store("orders", "{service: {type: NodePort}}").await.unwrap();
    stage.wait_ready("orders").await;
    let client = direct(&stage, "orders").await;
    let pod = stage.pod_uid("orders-0").await;

    with_cluster(|cluster| cluster.kill(Component::ApiServer)).await;
    let away = Instant::now();
    let mut requests = 0;
    while away.elapsed() < Duration::from_secs(60) {
        let value = requests.to_string();
        client.put(b"count", value.clone(), None, Precondition::None).await.unwrap();
        let read = client.get(b"count").await.unwrap().unwrap();
        assert_eq!(read.bytes, value.as_bytes());
        requests += 2;
        if requests % 200 == 0 {
            assert!(own.is_alive().await, "it depends on nothing outside");
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(!own.leads().await, "without a renewal nobody leads");
    println!("{requests} requests were answered while the API server was away");
    with_cluster(|cluster| cluster.restart(Component::ApiServer)).await;

    reaction(&stage, "orders", "after", Duration::from_secs(15)).await;
    assert!(own.leads().await && own.is_alive().await);
    stage.wait_ready("orders").await;
    assert_eq!(stage.pod_uid("orders-0").await, pod);
    own.stop().await;
}

#[tokio::test]
async fn a_slow_wire_delays_and_one_that_fell_silent_is_noticed() {
    let stage = Stage::open_without_operator("wire").await;
    let proxy = Proxy::to(SocketAddr::from((NODE, API_PORT))).await;
    let own = Own::start(&[], Some(proxy.address())).await;
    own.until("leading", Duration::from_secs(20), Own::leads).await;
    proxy.late(Duration::from_millis(300));
    stage.apply_store("orders", "{}").await.unwrap();
    stage.wait_ready("orders").await;
    assert!(own.leads().await, "slow is not away");

    // Longer than a leader leads without a renewal.
    proxy.silence();
    edit(&stage, "orders", "in the silence").await;
    own.until("standing by", Duration::from_secs(15), async |own| !own.leads().await).await;
    proxy.late(Duration::ZERO);
    // Connections that were open are never closed; each call that takes one of them ends by its time-out.
    acted_upon(&stage, "orders", "in the silence", Duration::from_secs(60)).await;
    assert!(own.leads().await && own.is_alive().await);
    reaction(&stage, "orders", "well again", Duration::from_secs(30)).await;
    own.stop().await;
}
