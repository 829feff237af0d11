//! Two operators: whatever becomes of the one that leads, the other goes on.

use std::time::Duration;

use crate::own::{Own, reaction};
use crate::stage::Stage;

/// Shorter than the chart's, so that the test is.
const FLAGS: [&str; 3] = ["--lease-duration=6s", "--lease-renew-deadline=4s", "--lease-retry-period=500ms"];

#[tokio::test]
async fn a_leader_that_stops_hands_over_at_once_and_one_that_dies_within_its_lease() {
    let stage = Stage::open_without_operator("leader").await;
    let first = Own::start(&FLAGS, None).await;
    first.until("leading", Duration::from_secs(20), Own::leads).await;
    drop(stage.ready_store("orders", "{}").await);

    let second = Own::start(&FLAGS, None).await;
    assert!(!second.leads().await, "one leads already");
    reaction(&stage, "orders", "one", Duration::from_secs(5)).await;

    // The rest of a store's life does not wait for the handover: it takes a second or two, with room for a
    // loaded machine.
    first.stop().await;
    reaction(&stage, "orders", "two", Duration::from_secs(5)).await;
    assert!(second.leads().await);

    let third = Own::start(&FLAGS, None).await;
    assert!(!third.leads().await);
    second.kill().await;
    reaction(&stage, "orders", "three", Duration::from_secs(6 + 5)).await;
    assert!(third.leads().await);
    third.stop().await;
}
