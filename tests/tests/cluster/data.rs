//! A store keeps what it acknowledged.

use kivi_tests::dataset;
use kivi_tests::store::{put_all, verify_all};

use crate::stage::Stage;

const RECORDS: usize = 2_000;

#[tokio::test]
async fn every_record_survives_the_loss_of_the_pod() {
    let stage = Stage::open("data").await;
    let store = stage.ready_store("packages", "{}").await;
    let records = dataset::load(RECORDS).unwrap();

    let client = store.client().unwrap();
    put_all(&client, &records).await.unwrap();
    verify_all(&client, &records).await.unwrap();
    drop(store);

    let before = stage.pod_uid("packages-0").await;
    stage.kubectl.run(["delete", "pod", "packages-0"]).await.unwrap();
    stage.kubectl.wait("create", "pod/packages-0", "60s").await.unwrap();
    stage.wait_ready("packages").await;
    assert_ne!(stage.pod_uid("packages-0").await, before, "the pod was not replaced");

    let store = stage.reach("packages").await;
    verify_all(&store.client().unwrap(), &records).await.unwrap();
}
