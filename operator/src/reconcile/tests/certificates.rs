//! A store and where its certificate comes from.

use serde_json::json;

use super::*;

/// Makes the server know cert-manager.
pub(super) fn install_cert_manager(server: &Server) {
    let list = json!({
        "kind": "APIResourceList", "groupVersion": "cert-manager.io/v1",
        "resources": [{"name": "certificates", "singularName": "certificate", "namespaced": true, "kind": "Certificate", "verbs": ["get"]}],
    });
    server.objects.lock().insert("/apis/cert-manager.io/v1".to_owned(), list);
}

pub(super) const CERTIFICATE: &str = "/apis/cert-manager.io/v1/namespaces/shop/certificates/orders";
pub(super) const SECRET: &str = "/api/v1/namespaces/shop/secrets/orders-tls";
const BUNDLE: &str = "/api/v1/namespaces/shop/configmaps/orders-ca";

#[tokio::test]
async fn a_store_that_asks_cert_manager_waits_until_there_is_one() {
    let server = Server::default();
    let context = server.context();
    let spec = "{tls: {issuerRef: {name: ca}}}";
    let error = reconcile(server.store(spec), context.clone()).await.unwrap_err();
    assert_eq!(error.reason(), "CertManagerNotFound");
    assert_eq!(server.writes(), ["status orders"]);
    // No watch tells that somebody installs it.
    let action = error_policy(server.store(spec), &error, context.clone());
    assert_ne!(action, Action::await_change());

    install_cert_manager(&server);
    let action = reconcile(server.store(spec), context).await.unwrap();
    assert_eq!(action, Action::requeue(Duration::from_secs(5)), "nor that a Certificate is issued");
    assert!(server.objects.lock().contains_key(CERTIFICATE));
    assert!(!server.objects.lock().contains_key(SECRET), "it is cert-manager's to make");
}

#[tokio::test]
async fn a_store_passes_from_one_source_of_certificates_to_the_next_and_leaves_nothing() {
    let server = Server::default();
    let context = server.context();
    install_cert_manager(&server);
    let data = |path: &str| server.objects.lock().get(path).map(|object| object["data"].clone());
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let own = data(SECRET).unwrap();

    // The operator's own certificate is served, and its authority published, until there is another.
    let issuer = "{tls: {issuerRef: {name: ca}}}";
    reconcile(server.store(issuer), context.clone()).await.unwrap();
    assert_eq!(data(SECRET), Some(own.clone()));
    assert_eq!(data(BUNDLE).unwrap()["ca.crt"].as_str().unwrap().matches("BEGIN").count(), 1);
    assert_eq!(data("/api/v1/namespaces/shop/secrets/orders-ca"), None);

    // A Certificate that is no longer wanted goes before the leaf is written.
    server.writes();
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let writes = server.writes();
    let place = |what: &str| writes.iter().position(|write| write == what).unwrap();
    assert!(place("orders certificates") < place("orders-tls secrets"), "{writes:?}");
    assert_eq!(data(CERTIFICATE), None);
    assert!(!server.objects.lock().contains_key(CERTIFICATE));

    reconcile(server.store(issuer), context.clone()).await.unwrap();
    reconcile(server.store("{tls: {disabled: {}}}"), context).await.unwrap();
    for path in [CERTIFICATE, SECRET, BUNDLE] {
        assert!(!server.objects.lock().contains_key(path), "{path}");
    }
}
