//! Fixtures: stores as a user writes them, run through the real validation. The store is called `orders`,
//! not `kivi`, so that a label with the wrong name shows.

pub(crate) mod server;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kivi_crds::KeyValueStore;

use crate::backup::model::Tools;
use crate::build::{Children, Prepared, build};
use crate::catalog::Catalog;
use crate::cli::{Cli, Command, PullPolicy};
use crate::dereferenced::Dereferenced;
use crate::material::{Material, ensure};
use crate::model::Store;
use crate::pki::Issued;
use crate::validate::{ValidationError, validate};

pub(crate) fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// A store with this spec.
pub(crate) fn custom_resource(spec: &str) -> KeyValueStore {
    serde_yaml::from_str(&format!(
        "{{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStore, metadata: {{name: orders, namespace: shop, uid: uid-1, generation: 3}}, spec: {spec}}}"
    ))
    .unwrap()
}

/// This release's catalog, with images of this registry.
pub(crate) fn catalog() -> Catalog {
    use clap::Parser as _;
    let flags = ["op", "run", "--server-image=reg/server:1", "--sidecar-image=reg/sidecar:1"];
    match Cli::parse_from(flags).command {
        Command::Run(args) => Catalog::own(&args),
        _ => panic!("run was asked for"),
    }
}

/// What copies stores.
pub(crate) fn tools() -> Tools {
    Tools { image: "reg/operator:1".to_owned(), pull_policy: PullPolicy::IfNotPresent }
}

/// What the real validation says of this spec, where these things exist.
pub(crate) fn validated(spec: &str, found: &Dereferenced) -> Result<Store, ValidationError> {
    let found = Dereferenced { tools: Some(tools()), ..found.clone() };
    validate(&custom_resource(spec), &found, &catalog(), "cluster.local", now())
}

/// A store that exists for the first time.
pub(crate) fn store(spec: &str) -> Store {
    validated(spec, &Dereferenced::default()).unwrap()
}

/// Its children, and the secrets in them.
pub(crate) fn children(spec: &str) -> (Store, Material, Children<Prepared>) {
    let store = store(spec);
    let material = ensure(&store, now()).unwrap();
    let children = build(&store, &material);
    (store, material, children)
}

/// A sound pair of someone else's making.
pub(crate) fn issued() -> Issued {
    let (_, material, _) = children("{}");
    material.certificate.unwrap()
}

/// A Secret with these values, without an owner.
pub(crate) fn secret<const N: usize>(name: &str, values: [(&str, &str); N]) -> Secret {
    let data: serde_json::Map<String, serde_json::Value> =
        values.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
    let mut secret: Secret =
        serde_json::from_value(serde_json::json!({"metadata": {"name": name, "namespace": "shop"}})).unwrap();
    secret.data = Some(
        data.into_iter()
            .map(|(key, value)| (key, k8s_openapi::ByteString(value.as_str().unwrap().as_bytes().to_vec())))
            .collect(),
    );
    secret
}
