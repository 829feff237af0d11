//! What runs is copied also while its spec cannot be built.

use super::certificates::SECRET;
use super::*;

const SPEC: &str = "{backup: {schedule: 0 2 * * *, destination: {volume: {claimName: backups}}}}";
const BROKEN: &str = "{tls: {secretRef: {name: none}}, backup: {schedule: 0 2 * * *, destination: {volume: {claimName: backups}}}}";
const STATUS: &str = "/apis/kivi.dev/v1alpha1/namespaces/shop/keyvaluestores/orders/status";

fn made(server: &Server) -> usize {
    server.objects.lock().keys().filter(|path| path.contains("/keyvaluestorebackups/")).count()
}

#[tokio::test]
async fn the_backup_that_is_due_is_made_once_though_the_spec_cannot_be_built() {
    let server = Server::default();
    reconcile(server.store(SPEC), server.context()).await.unwrap();
    let mut written = server.objects.lock()[STATUS].clone();
    written["status"]["backup"]["since"] = json!("2026-01-01T00:00:00Z");
    server.put(STATUS, written);
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
    let broken = "{auth: {tokensSecretRef: {name: none}}}";
    let server = Server::default();
    reconcile(server.store("{}"), server.context()).await.unwrap();
    let leaf = || server.objects.lock()[SECRET]["data"]["tls.crt"].clone();
    let first = leaf();
    let context = server.context();
    let error = reconcile(server.store(broken), context.clone()).await.unwrap_err();
    assert_eq!((error.reason(), leaf()), ("SecretNotFound", first.clone()));
    assert_ne!(error_policy(server.store(broken), &error, context), Action::await_change());

    let asks = || {
        let Ok(store) = &server.store(broken).0 else { panic!("the store can be read") };
        let mut store = store.clone();
        store.annotations_mut().insert("kivi.dev/rotate-certificate".to_owned(), "now".to_owned());
        Arc::new(DeserializeGuard(Ok(store)))
    };
    reconcile(asks(), server.context()).await.unwrap_err();
    assert_ne!(leaf(), first);
    assert_eq!(server.objects.lock()[STATUS]["status"]["certificate"]["generation"], 2);
    server.writes();
    reconcile(asks(), server.context()).await.unwrap_err();
    assert_eq!(server.writes(), [""; 0], "once");
}
