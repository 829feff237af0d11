//! What runs is copied also while its spec cannot be built, or not be applied.

use super::certificates::{CERTIFICATE, SECRET, install_cert_manager};
use super::*;

const SPEC: &str = "{backup: {schedule: 0 2 * * *, destination: {volume: {claimName: backups}}}}";
const BROKEN: &str = "{tls: {secretRef: {name: none}}, backup: {schedule: 0 2 * * *, destination: {volume: {claimName: backups}}}}";
const BROKEN_TOKENS: &str = "{auth: {tokensSecretRef: {name: none}}}";
const STATUS: &str = "/apis/kivi.dev/v1alpha1/namespaces/shop/keyvaluestores/orders/status";

fn made(server: &Server) -> usize {
    server.objects.lock().keys().filter(|path| path.contains("/keyvaluestorebackups/")).count()
}

/// The store as it is with an edit that asks for another leaf and breaks something else.
fn rotated(server: &Server) -> Arc<Watched> {
    let Ok(store) = &server.store(BROKEN_TOKENS).0 else { panic!("the store can be read") };
    let mut store = store.clone();
    store.annotations_mut().insert("kivi.dev/rotate-certificate".to_owned(), "now".to_owned());
    Arc::new(DeserializeGuard(Ok(store)))
}

#[tokio::test]
async fn the_backup_that_is_due_is_made_once_though_the_spec_cannot_be_built() {
    let server = Server::default();
    reconcile(server.store(SPEC), server.context()).await.unwrap();
    server.backup_falls_due();
    let context = server.context();
    let error = reconcile(server.store(BROKEN), context.clone()).await.unwrap_err();
    assert_eq!(error.reason(), "SecretNotFound");
    assert_eq!(made(&server), 1);
    let action = error_policy(server.store(BROKEN), &error, context);
    assert_ne!(action, Action::await_change(), "the next one is due within a day");

    reconcile(server.store(BROKEN), server.context()).await.unwrap_err();
    server.writes();
    reconcile(server.store(BROKEN), server.context()).await.unwrap_err();
    assert_eq!((made(&server), server.writes()), (1, Vec::new()));
}

fn condition(server: &Server, kind: &str) -> Option<Value> {
    let status = server.objects.lock()[STATUS]["status"].clone();
    status["conditions"].as_array()?.iter().find(|condition| condition["type"] == kind).cloned()
}

#[tokio::test]
async fn the_backup_that_is_due_is_made_and_told_of_though_a_child_is_refused() {
    let server = Server::default();
    reconcile(server.store(SPEC), server.context()).await.unwrap();
    server.backup_falls_due();
    let spec = SPEC.replace("{backup", "{ingress: {host: a.example}, backup");
    let refusing = Server { refused: Some("ingresses"), ..server.clone() };
    let error = reconcile(server.store(&spec), refusing.context()).await.unwrap_err();
    assert_eq!((error.reason(), made(&server)), ("ApplyFailed", 1));
    assert_ne!(server.objects.lock()[STATUS]["status"]["backup"]["lastScheduleTime"], Value::Null);

    // It failed, and that is told while the child is refused still.
    let path = server.objects.lock().keys().find(|path| path.contains("/keyvaluestorebackups/")).cloned();
    let mut backup = server.objects.lock()[path.as_ref().unwrap()].clone();
    let failed = json!({"type": "Failed", "status": "True", "reason": "JobFailed", "message": "m",
        "lastTransitionTime": "2026-11-22T10:00:00Z"});
    backup["status"] = json!({"conditions": [failed]});
    server.put(&path.unwrap(), backup);
    reconcile(server.store(&spec), refusing.context()).await.unwrap_err();
    assert_eq!(condition(&server, "BackupReady").unwrap()["reason"], "BackupFailed");
    assert_eq!(made(&server), 1);
}

#[tokio::test]
async fn a_backup_that_is_refused_itself_is_due_still() {
    let server = Server::default();
    reconcile(server.store(SPEC), server.context()).await.unwrap();
    server.backup_falls_due();
    let refusing = Server { refused: Some("keyvaluestorebackups"), ..server.clone() };
    reconcile(server.store(SPEC), refusing.context()).await.unwrap_err();
    assert_eq!(server.objects.lock()[STATUS]["status"]["backup"]["lastScheduleTime"], Value::Null);
    reconcile(server.store(SPEC), server.context()).await.unwrap();
    assert_eq!(made(&server), 1);
}

#[tokio::test]
async fn what_is_no_longer_asked_for_of_backups_is_no_longer_told_and_goes_once_the_spec_is_sound() {
    const CRON_JOB: &str = "/apis/batch/v1/namespaces/shop/cronjobs/orders-archive";
    let server = Server::default();
    let copied = "{backup: {pointInTime: {}, destination: {volume: {claimName: backups}}}}";
    reconcile(server.store(copied), server.context()).await.unwrap();
    assert!(condition(&server, "BackupReady").is_some());
    reconcile(server.store(BROKEN_TOKENS), server.context()).await.unwrap_err();
    assert_eq!(condition(&server, "BackupReady"), None);
    assert!(server.objects.lock().contains_key(CRON_JOB));
    reconcile(server.store("{}"), server.context()).await.unwrap();
    assert!(!server.objects.lock().contains_key(CRON_JOB));
}

#[tokio::test]
async fn a_store_that_never_ran_is_not_copied() {
    let server = Server::default();
    for _ in 0..2 {
        reconcile(server.store(BROKEN), server.context()).await.unwrap_err();
        let status = server.objects.lock()[STATUS]["status"].clone();
        assert_eq!((made(&server), &status["backup"]), (0, &Value::Null));
    }
}

#[tokio::test]
async fn a_certificate_is_renewed_though_the_spec_cannot_be_built() {
    let server = Server::default();
    reconcile(server.store("{}"), server.context()).await.unwrap();
    let leaf = || server.objects.lock()[SECRET]["data"]["tls.crt"].clone();
    let first = leaf();
    let context = server.context();
    let error = reconcile(server.store(BROKEN_TOKENS), context.clone()).await.unwrap_err();
    assert_eq!((error.reason(), leaf()), ("SecretNotFound", first.clone()));
    assert_ne!(error_policy(server.store(BROKEN_TOKENS), &error, context), Action::await_change());

    reconcile(rotated(&server), server.context()).await.unwrap_err();
    assert_ne!(leaf(), first);
    assert_eq!(server.objects.lock()[STATUS]["status"]["certificate"]["generation"], 2);
    server.writes();
    reconcile(rotated(&server), server.context()).await.unwrap_err();
    assert_eq!(server.writes(), [""; 0], "once");
}

#[tokio::test]
async fn a_certificate_that_a_broken_spec_asks_for_anew_is_not_made() {
    let server = Server::default();
    reconcile(server.store("{}"), server.context()).await.unwrap();
    let mut provided = server.objects.lock()[SECRET].clone();
    provided["metadata"] = json!({"name": "corp", "namespace": "shop"});
    server.put("/api/v1/namespaces/shop/secrets/corp", provided);
    let corp = "{tls: {secretRef: {name: corp}}}";
    reconcile(server.store(corp), server.context()).await.unwrap();
    server.writes();
    reconcile(server.store(BROKEN_TOKENS), server.context()).await.unwrap_err();
    assert_eq!(server.writes(), ["status orders"], "what clients trust is what is served");
}

#[tokio::test]
async fn what_cert_manager_keeps_is_not_written_over_for_a_broken_spec() {
    let server = Server::default();
    install_cert_manager(&server);
    reconcile(server.store("{}"), server.context()).await.unwrap();
    let own = server.objects.lock().clone();
    let issuer = "{tls: {issuerRef: {name: ca}}}";
    reconcile(server.store(issuer), server.context()).await.unwrap();
    assert!(server.objects.lock().contains_key(CERTIFICATE));
    // Its keeper has not written the leaf yet, and the authority is there still.
    let authority = "/api/v1/namespaces/shop/secrets/orders-ca";
    server.put(authority, own[authority].clone());
    server.writes();
    reconcile(rotated(&server), server.context()).await.unwrap_err();
    assert_eq!(server.writes(), ["status orders"]);
}
