//! The Certificate (cert-manager.io/v1): asks cert-manager for the server's pair.

use serde_json::json;

use super::metadata;
use crate::foreign::{Foreign, ForeignKind};
use crate::model::{Certificate, Store};

pub(super) fn build(store: &Store) -> Option<Foreign> {
    let Certificate::Issuer(wanted) = &store.certificate else {
        return None;
    };
    let (addresses, names): (Vec<String>, Vec<String>) =
        store.server_names().into_iter().partition(|name| name.parse::<std::net::IpAddr>().is_ok());
    let seconds = |duration: std::time::Duration| format!("{}s", duration.as_secs());
    let kind = ForeignKind::Certificate;
    let object = json!({
        "apiVersion": kind.api_version(),
        "kind": kind.gvk().kind,
        "metadata": metadata::child(store, store.names.store()),
        "spec": {
            "secretName": store.names.tls_secret(),
            // Some issuers ask for one; it is among the names.
            "commonName": store.names.store(),
            "dnsNames": names,
            "ipAddresses": addresses,
            "duration": seconds(wanted.duration),
            "renewBefore": seconds(wanted.renew_before),
            "privateKey": {"algorithm": "ECDSA", "size": 256, "encoding": "PKCS8", "rotationPolicy": "Always"},
            "usages": ["digital signature", "server auth"],
            "issuerRef": {
                "name": wanted.issuer.name,
                "kind": wanted.issuer.kind,
                "group": wanted.issuer.group,
            },
        },
    });
    Some(Foreign { kind, name: store.names.store().to_owned(), object })
}
