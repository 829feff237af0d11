//! What a client of a store needs: whom to trust, and the token to show. Which object holds it, and what in
//! it, is decided here; reading is `cluster`'s.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kivi_crds::settings::Anonymous;
use kivi_crds::{KeyValueStore, StoreNames};

use crate::PluginError;

/// Key of a certificate authority's certificate, in ConfigMaps and in Secrets of type kubernetes.io/tls.
const CA: &str = "ca.crt";

/// Where the certificate authority of a store is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CaSource {
    /// The ConfigMap that the operator publishes.
    ConfigMap(String),
    /// The user's own Secret.
    Secret(String),
}

/// Where the authority of the store's certificate is found.
pub(crate) fn ca_source(store: &str, resource: &KeyValueStore) -> CaSource {
    match &resource.spec.tls.secret_ref {
        Some(secret) => CaSource::Secret(secret.name.clone()),
        None => CaSource::ConfigMap(StoreNames::new(store).ca_config_map()),
    }
}

/// Name of the Secret with the store's tokens.
pub(crate) fn token_secret(store: &str, resource: &KeyValueStore) -> String {
    match &resource.spec.auth.tokens_secret_ref {
        Some(secret) => secret.name.clone(),
        None => StoreNames::new(store).token_secret(),
    }
}

/// Whether every request is answered without a token.
pub(crate) fn is_open(resource: &KeyValueStore) -> bool {
    resource.spec.auth.anonymous == Anonymous::ReadWrite
}

/// The certificate of the authority in a ConfigMap.
pub(crate) fn ca_of_config_map(name: &str, object: ConfigMap) -> Result<String, PluginError> {
    object.data.and_then(|mut data| data.remove(CA)).ok_or_else(|| PluginError::NoData {
        object: format!("configmap/{name}"),
        key: CA,
        hint: "the operator writes it when it has issued the certificate",
    })
}

/// The certificate of the authority in a user's own Secret.
pub(crate) fn ca_of_secret(name: &str, object: Secret) -> Result<String, PluginError> {
    object
        .data
        .and_then(|mut data| data.remove(CA))
        .and_then(|bytes| String::from_utf8(bytes.0).ok())
        .ok_or_else(|| PluginError::NoData {
            object: format!("secret/{name}"),
            key: CA,
            hint: "put the certificate of the authority that signed tls.crt there",
        })
}

/// One token of a Secret; every value of it is valid, so the first by name will do.
pub(crate) fn token(name: &str, object: Secret) -> Result<String, PluginError> {
    object
        .data
        .and_then(|data| data.into_values().next())
        .and_then(|bytes| String::from_utf8(bytes.0).ok())
        .ok_or_else(|| PluginError::NoData {
            object: format!("secret/{name}"),
            key: "token",
            hint: "each of its values is a bearer token of the store, and there is none",
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(spec: &str) -> KeyValueStore {
        let text = format!(
            "{{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStore, metadata: {{name: orders}}, spec: {spec}}}"
        );
        serde_yaml::from_str(&text).unwrap()
    }

    #[test]
    fn the_operators_objects_are_used_unless_the_spec_names_others() {
        let plain = store("{}");
        assert_eq!(ca_source("orders", &plain), CaSource::ConfigMap("orders-ca".into()));
        assert_eq!(token_secret("orders", &plain), "orders-token");
        assert!(!is_open(&plain));
        let own = store(
            "{tls: {secretRef: {name: mine}}, auth: {tokensSecretRef: {name: keys}, anonymous: ReadWrite}}",
        );
        assert_eq!(ca_source("orders", &own), CaSource::Secret("mine".into()));
        assert_eq!(token_secret("orders", &own), "keys");
        assert!(is_open(&own));
    }

    #[test]
    fn an_object_without_its_data_is_named() {
        let error = ca_of_config_map("orders-ca", ConfigMap::default()).unwrap_err().to_string();
        assert!(error.starts_with("configmap/orders-ca has no usable `ca.crt`"), "{error}");
        let error = token("orders-token", Secret::default()).unwrap_err().to_string();
        assert!(error.starts_with("secret/orders-token has no usable `token`"), "{error}");
        let secret: Secret = serde_yaml::from_str("data: {a: c2VjcmV0, b: b3RoZXI=}").unwrap();
        assert_eq!(token("keys", secret).unwrap(), "secret");
    }
}
