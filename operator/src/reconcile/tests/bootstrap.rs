//! Stores that began with a backup are made anew, and grow, when nothing is known of the backup any more, and let go of its
//! claim.

use super::volumes::{CLAIM, bound_claim, template_size};
use super::*;

const SPEC: &str = "{bootstrap: {fromBackup: {name: first}}}";
const CHANGED: &str = "{limits: {keyBytes: 7}, bootstrap: {fromBackup: {name: first}}}";
const LARGER: &str = "{log: {file: {size: 2Gi}}, bootstrap: {fromBackup: {name: first}}}";
const SET: &str = "/apis/apps/v1/namespaces/shop/statefulsets/orders";
const BACKUP: &str = "/apis/kivi.dev/v1alpha1/namespaces/shop/keyvaluestorebackups/first";

const SOURCE: &str = "/api/v1/namespaces/shop/persistentvolumeclaims/backups";

/// A cluster with a store on its volume, which begins with a backup, and has so many pods ready.
async fn begun(ready: i32) -> Server {
    let server = Server::default();
    let complete = json!({"type": "Complete", "status": "True", "reason": "Succeeded", "message": "m",
        "lastTransitionTime": "2026-11-22T10:00:00Z"});
    server.put(
        BACKUP,
        json!({
            "apiVersion": "kivi.dev/v1alpha1", "kind": "KeyValueStoreBackup",
            "metadata": {"name": "first", "namespace": "shop"}, "spec": {"storeRef": {"name": "old"}},
            "status": {"destination": {"volume": {"claimName": "backups", "path": "shop/old/u"}}, "conditions": [complete]},
        }),
    );
    server.put(SOURCE, json!({"metadata": {"name": "backups", "namespace": "shop"}}));
    reconcile(server.store(SPEC), server.context()).await.unwrap();
    server.put(CLAIM, bound_claim());
    has_ready(&server, ready);
    reconcile(server.store(SPEC), server.context()).await.unwrap();
    server
}

fn has_ready(server: &Server, ready: i32) {
    let mut set = server.objects.lock()[SET].clone();
    set["status"] = json!({"replicas": 1, "readyReplicas": ready});
    server.put(SET, set);
}

/// What a later release of the operator reconciles with.
fn later(server: &Server) -> Arc<Context> {
    let mut context = Arc::into_inner(server.context()).unwrap();
    context.copies.tools.image = "reg/operator:2".to_owned();
    Arc::new(context)
}

fn pods(server: &Server) -> Value {
    server.objects.lock()[SET]["spec"]["template"].clone()
}

/// Whether the pods have what restores, and whether they mount what it reads from.
fn restores(server: &Server) -> (bool, bool) {
    let pod = pods(server)["spec"].clone();
    let has = |list: &str, name: &str| pod[list].as_array().unwrap().iter().any(|item| item["name"] == name);
    (has("initContainers", "restore"), has("volumes", "backups"))
}

#[tokio::test]
async fn the_claim_of_a_backup_is_mounted_until_the_pods_change_anyway() {
    let server = begun(1).await;
    let made = pods(&server);
    // Or it would be asked after events.
    server.put(
        "/api/v1/namespaces/shop/pods/orders-0",
        json!({"metadata": {"name": "orders-0", "namespace": "shop"}}),
    );
    let action = reconcile(server.store(SPEC), later(&server)).await.unwrap();
    assert_eq!(pods(&server), made, "that it is needed no more restarts nothing");
    assert_eq!(action, Action::requeue(Duration::from_secs(300)), "no watch tells that it goes");

    reconcile(server.store(CHANGED), later(&server)).await.unwrap();
    assert_eq!(restores(&server), (true, false));
    let changed = pods(&server);
    // Its volume grows and its StatefulSet is made anew then as before.
    has_ready(&server, 1);
    let larger = CHANGED.replace("{limits", "{log: {file: {size: 2Gi}}, limits");
    reconcile(server.store(&larger), later(&server)).await.unwrap();
    reconcile(server.store(&larger), later(&server)).await.unwrap();
    assert_eq!(template_size(&server).as_deref(), Some("2Gi"));
    assert_eq!(pods(&server), changed, "its pods run on");
}

#[tokio::test]
async fn the_claim_of_a_backup_that_goes_is_let_go_and_not_before_the_store_was_up() {
    let leaving = json!({"metadata": {"name": "backups", "namespace": "shop", "deletionTimestamp": "2026-11-22T10:00:00Z"}});
    for gone in [None, Some(leaving)] {
        for ready in [0, 1] {
            let server = begun(ready).await;
            server.objects.lock().remove(SOURCE);
            if let Some(leaving) = &gone {
                server.put(SOURCE, leaving.clone());
            }
            reconcile(server.store(SPEC), later(&server)).await.unwrap();
            assert_eq!(restores(&server), (true, ready == 0), "{gone:?}");
            let queued = &server.objects.lock()[SET]["metadata"]["annotations"]["kivi.dev/rollout-queued"];
            assert_eq!(queued.is_string(), ready == 1, "the operator does that of its own accord");
        }
    }
    // Nor does a StatefulSet that is made anew ask for it.
    let server = begun(1).await;
    for path in [SOURCE, SET, BACKUP] {
        server.objects.lock().remove(path);
    }
    reconcile(server.store(SPEC), later(&server)).await.unwrap();
    assert_eq!(restores(&server), (true, false));
}

/// A claim that somebody deleted is made again by the StatefulSet's controller, with nothing on it.
#[tokio::test]
async fn an_empty_volume_is_filled_again() {
    let server = begun(1).await;
    reconcile(server.store(CHANGED), server.context()).await.unwrap();
    has_ready(&server, 0);
    server.put(CLAIM, bound_claim());
    let mut without = server.objects.lock().clone();
    reconcile(server.store(CHANGED), server.context()).await.unwrap();
    assert_eq!(restores(&server), (true, true));

    // Where the backup is gone, the store waits for one: what restores lets no pod start without a log.
    without.remove(BACKUP);
    *server.objects.lock() = without;
    let error = reconcile(server.store(CHANGED), server.context()).await.unwrap_err();
    assert_eq!(error.reason(), "BackupNotReady");
    assert_eq!(restores(&server), (true, false));
}

#[tokio::test]
async fn a_store_is_made_anew_on_its_volume_when_its_backup_is_gone() {
    let server = begun(1).await;
    let made = pods(&server);
    server.objects.lock().remove(BACKUP);
    server.objects.lock().remove(SET);
    reconcile(server.store(SPEC), later(&server)).await.unwrap();
    assert_eq!(pods(&server), made);
    server.writes();
    reconcile(server.store(SPEC), later(&server)).await.unwrap();
    assert!(!server.writes().iter().any(|write| write.contains("persistentvolumeclaims")), "it is said once");
}

#[tokio::test]
async fn a_volume_grows_though_its_backup_is_gone_and_the_operator_another() {
    let server = begun(1).await;
    let made = pods(&server);
    server.objects.lock().remove(BACKUP);
    reconcile(server.store(LARGER), later(&server)).await.unwrap();
    reconcile(server.store(LARGER), later(&server)).await.unwrap();
    assert_eq!(template_size(&server).as_deref(), Some("2Gi"));
    assert_eq!(pods(&server), made, "its pods run on");
}

#[tokio::test]
async fn what_never_came_up_binds_nobody() {
    // The pod does not get through its restore.
    let server = begun(0).await;
    server.objects.lock().remove(SET);
    server.objects.lock().remove(BACKUP);
    let error = reconcile(server.store(SPEC), later(&server)).await.unwrap_err();
    assert_eq!(error.reason(), "BackupNotReady");
    // Nor does what an earlier store began with bind one that is to begin with something else.
    let server = begun(1).await;
    server.objects.lock().remove(SET);
    let other = SPEC.replace("first", "second");
    let error = reconcile(server.store(&other), later(&server)).await.unwrap_err();
    assert_eq!(error.reason(), "BackupNotReady");
}

/// Who may write to claims, and make stores, may not by that make pods of any kind.
#[tokio::test]
async fn what_no_operator_wrote_at_a_claim_is_not_taken() {
    const ORIGIN: &str = "kivi.dev/began-with";
    let server = begun(1).await;
    let mut claim = server.objects.lock()[CLAIM].clone();
    let said = claim["metadata"]["annotations"][ORIGIN].as_str().unwrap();
    let mut origin: Value = serde_json::from_str(said).unwrap();
    origin["pod"]["volumes"][0] = json!({"name": "backups", "hostPath": {"path": "/"}});
    claim["metadata"]["annotations"][ORIGIN] = json!(origin.to_string());
    server.put(CLAIM, claim);
    server.objects.lock().remove(SET);
    server.objects.lock().remove(BACKUP);
    let error = reconcile(server.store(SPEC), server.context()).await.unwrap_err();
    assert_eq!(error.reason(), "BackupNotReady");
    assert!(!server.objects.lock().contains_key(SET));
}

#[tokio::test]
async fn a_claim_of_another_stores_is_left_alone_also_where_the_spec_of_the_log_is_wrong() {
    let server = begun(1).await;
    let mut claim = bound_claim();
    claim["metadata"]["annotations"] = json!({"kivi.dev/store": "staging/orders"});
    server.put(CLAIM, claim.clone());
    let mut set = server.objects.lock()[SET].clone();
    set["status"] = json!({"replicas": 1, "readyReplicas": 1});
    server.put(SET, set);
    let wrong = SPEC.replace("{bootstrap", "{log: {file: {size: 1Ki}}, bootstrap");
    reconcile(server.store(&wrong), server.context()).await.unwrap_err();
    assert_eq!(server.objects.lock()[CLAIM], claim);
}
