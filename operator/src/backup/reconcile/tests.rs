use kivi_crds::BackupConditionType::{Complete, Failed};
use kube_runtime::reflector;
use kube_runtime::watcher::Event;
use serde_json::{Value, json};

use super::*;
use crate::test_support::server::Server;

const BACKUPS: &str = "/apis/kivi.dev/v1alpha1/namespaces/shop/keyvaluestorebackups";
const JOB: &str = "/apis/batch/v1/namespaces/shop/jobs/second";

fn backup(name: &str, metadata: &Value) -> Value {
    let mut backup = json!({
        "apiVersion": "kivi.dev/v1alpha1", "kind": "KeyValueStoreBackup",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "creationTimestamp": Timestamp::now()},
        "spec": {"storeRef": {"name": "orders"}},
    });
    for (key, value) in metadata.as_object().unwrap() {
        backup["metadata"][key] = value.clone();
    }
    backup
}

/// A cluster with a store that serves and backs up to a volume.
fn cluster() -> Server {
    let server = Server::default();
    let store = json!({
        "apiVersion": "kivi.dev/v1alpha1", "kind": "KeyValueStore",
        "metadata": {"name": "orders", "namespace": "shop", "uid": "s"},
        "spec": {"backup": {"destination": {"volume": {"claimName": "backups"}}}},
        "status": {"endpoint": "https://orders.shop.svc", "readyReplicas": 1, "conditions": [{"type": "Ready", "status": "True",
            "reason": "Serving", "message": "m", "lastTransitionTime": "2026-11-22T10:00:00Z"}]},
    });
    server.put("/apis/kivi.dev/v1alpha1/namespaces/shop/keyvaluestores/orders", store);
    server
}

/// What a reconcile of the second of these backups needs, as its watch shows them now.
fn context(server: &Server, backups: &[Value]) -> (Arc<Watched>, Arc<Context>) {
    context_over(server, &server.context(), backups)
}

fn context_over(
    server: &Server,
    of_stores: &crate::reconcile::Context,
    backups: &[Value],
) -> (Arc<Watched>, Arc<Context>) {
    let (reader, mut writer) = reflector::store();
    let watched: Vec<Watched> = backups
        .iter()
        .map(|backup| {
            let mut backup = backup.clone();
            let path = format!("{BACKUPS}/{}/status", backup["metadata"]["name"].as_str().unwrap());
            if let Some(written) = server.objects.lock().get(&path) {
                backup["status"] = written["status"].clone();
            }
            serde_json::from_value(backup).unwrap()
        })
        .collect();
    for backup in &watched {
        writer.apply_watcher_event(&Event::Apply(backup.clone()));
    }
    let context = Context::new(of_stores, reader);
    (Arc::new(watched.into_iter().next_back().unwrap()), Arc::new(context))
}

/// Reconciles the last of these backups, and returns it as it is then.
async fn run(server: &Server, backups: &[Value]) -> (KeyValueStoreBackup, Action) {
    let (backup, of_backup) = context(server, backups);
    let action = reconcile(backup, of_backup).await.unwrap();
    let (backup, _) = context(server, backups);
    (backup.0.clone().unwrap(), action)
}

fn end_job(server: &Server, condition: &str, code: i32, message: &str) {
    let mut job = server.objects.lock()[JOB].clone();
    job["status"] = json!({"conditions": [{"type": condition, "status": "True"}]});
    server.put(JOB, job);
    let ended = json!({"exitCode": code, "message": message});
    let status = json!({"name": "backup", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": {"terminated": ended}});
    let pod = json!({"metadata": {"name": "second-x"}, "status": {"containerStatuses": [status]}});
    server.put("/api/v1/namespaces/shop/pods/second-x", pod);
}

/// A whole life of a backup, as far as it gets with the rights of this client.
pub(crate) async fn live(server: &Server, of_stores: &crate::reconcile::Context) {
    let scheduled = json!({"annotations": {"kivi.dev/scheduled-at": "2026-11-26T02:00:00Z"}});
    let backups = [backup("second", &scheduled)];
    server.objects.lock().extend(cluster().objects.lock().clone());
    drop(run_over(server, of_stores, &backups).await);
    let report = json!({"location": "l", "revision": 7, "keys": 2, "bytes": 512, "sha256": "ab", "stateHash": "cd",
        "storeId": "ef", "startedAt": "s", "finishedAt": "f", "pruned": ["old"]});
    if server.objects.lock().contains_key(JOB) {
        end_job(server, "Complete", 0, &report.to_string());
    }
    let mut old = backup("old", &scheduled);
    old["status"] = json!({"conditions": [{"type": "Complete", "status": "True", "reason": "Succeeded", "message": "m",
        "lastTransitionTime": "2026-11-22T10:00:00Z"}]});
    drop(run_over(server, of_stores, &[old, backups[0].clone()]).await);
}

async fn run_over(
    server: &Server,
    of_stores: &crate::reconcile::Context,
    backups: &[Value],
) -> Result<Action, ReconcileError> {
    let (backup, context) = context_over(server, of_stores, backups);
    reconcile(backup, context).await
}

fn reason(backup: &KeyValueStoreBackup) -> &str {
    &backup.status.as_ref().unwrap().conditions[0].reason
}

#[tokio::test]
async fn a_backup_makes_one_job_and_tells_what_came_of_it() {
    let server = cluster();
    let scheduled = json!({"annotations": {"kivi.dev/scheduled-at": "2026-11-26T02:00:00Z"}});
    let backups = [backup("old", &scheduled), backup("mine", &json!({})), backup("second", &scheduled)];
    // Those before it are done.
    for name in ["old", "mine"] {
        let done = json!({"conditions": [{"type": "Complete", "status": "True", "reason": "Succeeded", "message": "m",
            "lastTransitionTime": "2026-11-22T10:00:00Z"}]});
        server.put(&format!("{BACKUPS}/{name}"), backup(name, &json!({})));
        server.put(&format!("{BACKUPS}/{name}/status"), json!({"status": done}));
    }
    let (running, _) = run(&server, &backups).await;
    assert_eq!(server.writes(), ["status second", "jobs shop"]);
    assert_eq!(reason(&running), "Running");
    let destination = running.status.unwrap().destination.unwrap();
    assert_eq!(destination.volume.unwrap().path.as_deref(), Some("shop/orders/s"));

    // While the Job runs, nothing is written.
    run(&server, &backups).await;
    assert_eq!(server.writes(), [""; 0]);

    let report = json!({"location": "file:///b/second", "revision": 7, "keys": 2, "bytes": 512, "sha256": "ab",
        "stateHash": "cd", "storeId": "ef", "startedAt": "s", "finishedAt": "f", "pruned": ["old", "mine", "gone"]});
    end_job(&server, "Complete", 0, &report.to_string());
    let (made, action) = run(&server, &backups).await;
    assert_eq!(action, Action::await_change());
    assert!(status::holds(&made, Complete) && !status::holds(&made, Failed));
    let told = made.status.unwrap();
    assert_eq!((told.revision, told.keys, told.bytes), (Some(7), Some(2), Some(512)));
    assert!(told.destination.is_some(), "where it is stays known when the store is gone");
    // What the schedule made goes with its data; what a user made is the user's to remove.
    assert_eq!(server.writes(), ["old keyvaluestorebackups", "status second"]);

    run(&server, &backups).await;
    assert_eq!(server.writes(), [""; 0]);
}

#[tokio::test]
async fn a_backup_that_fails_says_why_in_the_words_of_its_pod() {
    let server = cluster();
    let backups = [backup("second", &json!({}))];
    run(&server, &backups).await;
    end_job(&server, "Failed", 1, r#"{"error": "writing to s3://nowhere: no such bucket"}"#);
    let (failed, action) = run(&server, &backups).await;
    assert_eq!(action, Action::await_change());
    assert!(status::holds(&failed, Failed) && !status::holds(&failed, Complete));
    let conditions = &failed.status.as_ref().unwrap().conditions;
    assert!(
        conditions.iter().all(|c| c.message == "writing to s3://nowhere: no such bucket."),
        "{conditions:?}"
    );
}

#[tokio::test]
async fn backups_of_one_store_are_made_one_after_another() {
    let server = cluster();
    let first = backup("zeroth", &json!({"creationTimestamp": "2026-11-22T10:00:00Z"}));
    let backups = [first.clone(), backup("second", &json!({}))];
    let (waits, action) = run(&server, &backups).await;
    assert_eq!((reason(&waits), action), ("Queued", Action::requeue(LOOK)));
    assert!(server.objects.lock().get(JOB).is_none());
    // One that runs goes before an older one that waits.
    run(&server, &[backups[1].clone()]).await;
    let order = [backups[1].clone(), first];
    let (waits, _) = run(&server, &order).await;
    assert_eq!(reason(&waits), "Queued");
}

#[tokio::test]
async fn a_backup_waits_for_its_store_for_an_hour() {
    let server = Server::default();
    let (waits, _) = run(&server, &[backup("second", &json!({}))]).await;
    assert_eq!(reason(&waits), "StoreNotFound");
    assert!(!status::is_finished(&waits));
    let old = json!({"creationTimestamp": Timestamp::now() - SignedDuration::from_mins(61)});
    let (failed, action) = run(&server, &[backup("second", &old)]).await;
    assert_eq!((reason(&failed), action), ("StoreNotFound", Action::await_change()));
    assert!(status::holds(&failed, Failed));
}

#[tokio::test]
async fn a_job_of_someone_else_is_left_alone() {
    let server = cluster();
    server.put(JOB, json!({"metadata": {"name": "second", "namespace": "shop"}}));
    let (failed, _) = run(&server, &[backup("second", &json!({}))]).await;
    assert_eq!(reason(&failed), "NameTaken");
    assert!(status::holds(&failed, Failed));
}

#[tokio::test]
async fn where_a_copy_will_be_is_written_down_before_there_is_one() {
    let backups = [backup("second", &json!({}))];
    let lossy = Server { refused: Some("/status"), ..cluster() };
    let (watched, of_backup) = context(&lossy, &backups);
    reconcile(watched, of_backup).await.unwrap_err();
    assert!(!lossy.objects.lock().contains_key(JOB), "nobody could restore what it copies by its name");

    let server = Server { refused: None, ..lossy };
    let (running, _) = run(&server, &backups).await;
    assert!(running.status.unwrap().destination.is_some());
    assert!(server.objects.lock().contains_key(JOB));
}

#[tokio::test]
async fn a_job_that_is_refused_is_told_of_once_and_tried_again() {
    let backups = [backup("second", &json!({}))];
    let server = Server { refused: Some("/jobs"), ..cluster() };
    for writes in [&["status second", "jobs shop", "status second"][..], &["jobs shop"]] {
        let (watched, of_backup) = context(&server, &backups);
        let error = reconcile(watched.clone(), of_backup.clone()).await.unwrap_err();
        assert_eq!(server.writes(), writes);
        assert_eq!(error_policy(watched, &error, of_backup), Action::requeue(LOOK));
        let (told, _) = context(&server, &backups);
        assert_eq!(reason(told.0.as_ref().unwrap()), "JobRefused");
    }
}

#[tokio::test]
async fn a_backup_whose_elders_were_not_removed_says_so() {
    let server = cluster();
    let backups = [backup("second", &json!({}))];
    run(&server, &backups).await;
    let report = json!({"location": "l", "revision": 7, "keys": 2, "bytes": 512, "sha256": "ab", "stateHash": "cd",
        "storeId": "ef", "startedAt": "s", "finishedAt": "f", "pruned": [], "notPruned": "removing s3://b/x: access denied"});
    end_job(&server, "Complete", 0, &report.to_string());
    let (made, _) = run(&server, &backups).await;
    assert!(status::holds(&made, Complete), "the copy is there");
    let message = &made.status.as_ref().unwrap().conditions[0].message;
    assert_eq!(
        message,
        "It holds 2 keys at revision 7. Not all was removed that retention asks for: removing s3://b/x: access denied."
    );
    let objects = server.objects.lock();
    let events: Vec<_> = objects.iter().filter(|(path, _)| path.contains("/events/")).collect();
    let warned =
        events.iter().any(|(_, event)| event["type"] == "Warning" && event["reason"] == "RetentionFailed");
    assert!(warned, "{events:?}");
}

#[tokio::test]
async fn a_backup_that_is_made_again_waits_until_the_job_of_the_first_is_gone() {
    let server = cluster();
    let first = json!({"apiVersion": "kivi.dev/v1alpha1", "kind": "KeyValueStoreBackup", "name": "second", "uid": "first-uid"});
    let owned = json!({"name": "second", "namespace": "shop", "ownerReferences": [first]});
    let leaving = json!({"name": "second", "namespace": "shop", "deletionTimestamp": "2026-11-22T10:00:00Z"});
    let backups = [backup("second", &json!({}))];
    for metadata in [owned, leaving] {
        server.put(JOB, json!({"metadata": metadata}));
        let (waits, action) = run(&server, &backups).await;
        assert_eq!((reason(&waits), action), ("JobLeaving", Action::requeue(LOOK)));
    }
    server.objects.lock().remove(JOB);
    let (running, _) = run(&server, &backups).await;
    assert_eq!(reason(&running), "Running");
}

#[tokio::test]
async fn what_failed_before_a_success_of_the_schedule_goes_with_it() {
    let ended = |name: &str, day: &str, end: &str| {
        let mut ended = backup(name, &json!({}));
        if !day.is_empty() {
            ended["metadata"]["annotations"] =
                json!({"kivi.dev/scheduled-at": format!("2026-11-{day}T02:00:00Z")});
        }
        ended["status"] = json!({"conditions": [{"type": end, "status": "True", "reason": "r", "message": "m",
            "lastTransitionTime": "2026-11-22T10:00:00Z"}]});
        ended
    };
    let report = json!({"location": "l", "revision": 7, "keys": 2, "bytes": 512, "sha256": "ab", "stateHash": "cd",
        "storeId": "ef", "startedAt": "s", "finishedAt": "f"});
    for (day, removed) in [("26", &["failed keyvaluestorebackups"][..]), ("", &[])] {
        let server = cluster();
        let mut second = backup("second", &json!({}));
        if !day.is_empty() {
            second["metadata"]["annotations"] =
                json!({"kivi.dev/scheduled-at": format!("2026-11-{day}T02:00:00Z")});
        }
        let backups = [
            ended("complete", "24", "Complete"),
            ended("failed", "25", "Failed"),
            ended("mine", "", "Failed"),
            ended("later", "27", "Failed"),
            second,
        ];
        run(&server, &backups).await;
        end_job(&server, "Complete", 0, &report.to_string());
        server.writes();
        run(&server, &backups).await;
        let writes = server.writes();
        assert_eq!(
            writes.split_last().unwrap(),
            (&"status second".to_owned(), &removed.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..])
        );
    }
}

#[tokio::test]
async fn every_scheduled_backup_whose_copy_is_gone_goes_also_where_no_report_names_it() {
    let server = cluster();
    let scheduled = |name: &str, day: &str, path: &str| {
        let mut made = backup(
            name,
            &json!({"annotations": {"kivi.dev/scheduled-at": format!("2026-11-{day}T02:00:00Z")}}),
        );
        made["status"] = json!({"destination": {"volume": {"claimName": "backups", "path": path}}, "conditions": [{
            "type": "Complete", "status": "True", "reason": "Succeeded", "message": "m", "lastTransitionTime": "2026-11-22T10:00:00Z"}]});
        made
    };
    let mut by_hand = scheduled("mine", "23", "shop/orders/s");
    by_hand["metadata"]["annotations"] = json!({});
    let mut second = scheduled("second", "26", "shop/orders/s");
    second["status"] = Value::Null;
    let backups = [
        scheduled("orders-at-20261123-0200", "23", "shop/orders/s"),
        // Another destination keeps what it has.
        scheduled("orders-at-20261124-0200", "24", "elsewhere"),
        scheduled("orders-at-20261125-0200", "25", "shop/orders/s"),
        by_hand,
        second,
    ];
    run(&server, &backups).await;
    let report = json!({"location": "l", "revision": 7, "keys": 2, "bytes": 512, "sha256": "ab", "stateHash": "cd",
        "storeId": "ef", "startedAt": "s", "finishedAt": "f", "pruned": [], "oldestKept": "orders-at-20261125-0200"});
    end_job(&server, "Complete", 0, &report.to_string());
    server.writes();
    run(&server, &backups).await;
    assert_eq!(server.writes(), ["orders-at-20261123-0200 keyvaluestorebackups", "status second"]);
}
