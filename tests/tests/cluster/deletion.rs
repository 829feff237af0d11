//! Deleting a store removes what it was made of, and keeps its data.

use kivi_api::Precondition;

use crate::stage::Stage;

#[tokio::test]
async fn deletion_cleans_up_and_keeps_the_volume_for_the_next_of_its_name() {
    let stage = Stage::open("deletion").await;
    let store = stage.ready_store("orders", "{}").await;
    store.client().unwrap().put(b"kept", "precious", None, Precondition::None).await.unwrap();
    drop(store);

    stage.kubectl.run(["delete", "keyvaluestore", "orders", "--timeout=60s"]).await.unwrap();
    let kinds = "statefulset,service,configmap,secret,serviceaccount,pod";
    let selector = "app.kubernetes.io/instance=orders";
    stage.until_empty(kinds, selector).await;
    let volume = stage.kubectl.get("pvc", "log-orders-0").await.unwrap();
    assert_eq!(volume["status"]["phase"], "Bound");

    let store = stage.ready_store("orders", "{}").await;
    let value = store.client().unwrap().get(b"kept").await.unwrap().expect("the value is gone");
    assert_eq!(value.bytes, "precious");
}
