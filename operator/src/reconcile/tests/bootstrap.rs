//! Stores that began with a backup are made anew, and grow, when nothing is known of the backup any more.

use super::volumes::{CLAIM, bound_claim, template_size};
use super::*;

const SPEC: &str = "{bootstrap: {fromBackup: {name: first}}}";
const LARGER: &str = "{log: {file: {size: 2Gi}}, bootstrap: {fromBackup: {name: first}}}";
const SET: &str = "/apis/apps/v1/namespaces/shop/statefulsets/orders";
const BACKUP: &str = "/apis/kivi.dev/v1alpha1/namespaces/shop/keyvaluestorebackups/first";

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
    reconcile(server.store(SPEC), server.context()).await.unwrap();
    server.put(CLAIM, bound_claim());
    let mut set = server.objects.lock()[SET].clone();
    set["status"] = json!({"replicas": 1, "readyReplicas": ready});
    server.put(SET, set);
    reconcile(server.store(SPEC), server.context()).await.unwrap();
    server
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
