//! The rights of the chart are enough, and none is too many: whole lives of stores against an API server that
//! grants just those, and then once without each of them.

use std::collections::BTreeSet;

use futures::future::pending;
use http::{Method, Request, Response};
use kube::Client;
use kube::client::{Body, ClientBuilder};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::backup;
use crate::controller::{Controller, Scope};
use crate::foreign::ForeignKind;
use crate::progress::is_watch;
use crate::test_support::server::Server;

/// Specs of one store, one after the other, and what else befalls it. A new right needs a life that uses it.
const LIVES: [&[Act]; 6] = [
    &[Act::Spec("{}"), Act::Spec("{stopped: true}"), Act::Spec("{paused: true}"), Act::Malformed],
    // What went wrong twice is one event.
    &[
        Act::Spec("{}"),
        Act::Spec("{tls: {secretRef: {name: mine}}}"),
        Act::Spec("{}"),
        Act::Spec("{tls: {secretRef: {name: mine}}}"),
    ],
    // A volume grows.
    &[Act::Spec("{}"), Act::Claim, Act::Spec("{}"), Act::Spec("{log: {file: {size: 2Gi}}}")],
    // What is no longer wanted goes.
    &[
        Act::ForeignKinds,
        Act::Spec("{monitoring: {serviceMonitor: true}, ingress: {host: orders.example.com}}"),
        Act::Spec("{tls: {issuerRef: {name: authority}}}"),
        Act::Spec("{httpRoute: {parentRefs: [{name: public}]}, networkPolicy: {enabled: true}}"),
        Act::Leftovers,
        Act::Spec("{tls: {disabled: {}}, sidecar: {enabled: false}}"),
    ],
    // It is copied for a while.
    &[Act::Spec(COPIED), Act::Away, Act::Spec(COPIED), Act::Spec("{}"), Act::Backup],
    &[Act::Watch],
];

const COPIED: &str =
    "{backup: {schedule: 0 2 * * *, pointInTime: {}, destination: {volume: {claimName: backups}}}}";

/// No store has several servers yet, so none has a budget for them.
const NOT_YET: [(&str, &str, &str); 2] =
    [("policy", "poddisruptionbudgets", "create"), ("policy", "poddisruptionbudgets", "patch")];

enum Act {
    /// The store is reconciled with this spec.
    Spec(&'static str),
    /// The store is reconciled, and cannot be read.
    Malformed,
    /// The store's volume is bound.
    Claim,
    /// A child of an earlier release is there, of each kind that a store may stop to want.
    Leftovers,
    /// The cluster knows the kinds of other projects.
    ForeignKinds,
    /// Days go by without an operator.
    Away,
    /// A backup is made, and an older one is gone from where it was.
    Backup,
    /// The controller runs for a while.
    Watch,
}

type Right = (String, String, String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    verbs: Vec<String>,
}

fn rights() -> BTreeSet<Right> {
    let text = include_str!("../../../charts/kivi-operator/files/rules.yaml");
    let rules: Vec<Rule> = serde_yaml::from_str(text).unwrap();
    let mut rights = BTreeSet::new();
    for rule in &rules {
        for (group, resource) in
            rule.api_groups.iter().flat_map(|g| rule.resources.iter().map(move |r| (g, r)))
        {
            rights.extend(rule.verbs.iter().map(|verb| (group.clone(), resource.clone(), verb.clone())));
        }
    }
    rights
}

/// What a request takes, as the API server sees it; nothing for what everybody may ask.
fn needed(server: &Server, request: &Request<Body>) -> Vec<Right> {
    let uri = request.uri();
    let parts: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let (group, rest) = match parts[0] {
        "api" => ("", &parts[2..]),
        _ => (parts[1], &parts[3..]),
    };
    let rest = if rest.first() == Some(&"namespaces") && rest.len() > 2 { &rest[2..] } else { rest };
    let (Some(kind), name) = (rest.first(), rest.get(1)) else { return Vec::new() };
    let resource = rest.get(2).map_or_else(|| (*kind).to_owned(), |part| format!("{kind}/{part}"));
    let verbs: &[&str] = match (request.method(), name) {
        (&Method::GET, Some(_)) => &["get"],
        (&Method::GET, None) if is_watch(uri) => &["watch"],
        (&Method::GET, None) => &["list"],
        (&Method::POST, _) => &["create"],
        (&Method::PUT, _) => &["update"],
        (&Method::DELETE, Some(_)) => &["delete"],
        (&Method::DELETE, None) => &["deletecollection"],
        // An apply makes what is not there, which takes the right to.
        (&Method::PATCH, _) if !resource.contains('/') && !server.objects.lock().contains_key(uri.path()) => {
            &["patch", "create"]
        }
        (&Method::PATCH, _) => &["patch"],
        (method, _) => panic!("{method} {uri}"),
    };
    verbs.iter().map(|verb| (group.to_owned(), resource.clone(), (*verb).to_owned())).collect()
}

/// Lives through all of it with these rights; returns what was refused and what was used.
async fn live(granted: &BTreeSet<Right>) -> (BTreeSet<Right>, BTreeSet<Right>) {
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    for life in LIVES {
        let server = Server::default();
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let (inner, granted, noted) = (server.clone(), granted.clone(), asked.clone());
        tokio::spawn(async move {
            while let Some((request, answer)) = handle.next_request().await {
                let needed = needed(&inner, &request);
                noted.lock().extend(needed.iter().cloned());
                if needed.iter().any(|right| !granted.contains(right)) {
                    let text =
                        json!({"kind": "Status", "code": 403, "reason": "Forbidden", "message": "forbidden"});
                    let refusal =
                        Response::builder().status(403).body(Body::from(text.to_string().into_bytes()));
                    answer.send_response(refusal.unwrap());
                } else if is_watch(request.uri()) {
                    tokio::spawn(async move {
                        let _begun_and_quiet = answer;
                        pending::<()>().await;
                    });
                } else if request.uri().query().is_some_and(|query| query.contains("limit=")) {
                    let list = json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []});
                    answer.send_response(Response::new(Body::from(list.to_string().into_bytes())));
                } else {
                    answer.send_response(inner.answer(request).await);
                }
            }
        });
        let client = ClientBuilder::new(service, "shop").build();
        let context = Server::context_over(client.clone());
        for act in life {
            perform(act, &server, &client, &context).await;
        }
    }
    let asked = std::mem::take(&mut *asked.lock());
    (asked.difference(granted).cloned().collect(), asked)
}

async fn perform(act: &Act, server: &Server, client: &Client, context: &Arc<Context>) {
    match act {
        // That it fails without a right is what is looked for, at the server.
        Act::Spec(spec) => drop(reconcile(server.store(spec), context.clone()).await),
        Act::Malformed => {
            let yaml = "{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStore, metadata: {name: orders, namespace: shop, uid: u}, spec: {replicas: many}}";
            let store: Watched = serde_yaml::from_str(yaml).unwrap();
            drop(reconcile(Arc::new(store), context.clone()).await);
        }
        Act::Claim => {
            let path = "/api/v1/namespaces/shop/persistentvolumeclaims/log-orders-0";
            let claim = json!({
                "metadata": {"name": "log-orders-0", "namespace": "shop", "resourceVersion": "5",
                    "labels": kivi_crds::labels::selector("orders")},
                "spec": {"resources": {"requests": {"storage": "1Gi"}}},
                "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}},
            });
            server.objects.lock().insert(path.to_owned(), claim);
        }
        Act::Leftovers => {
            for folder in [
                "api/v1/namespaces/shop/configmaps",
                "api/v1/namespaces/shop/secrets",
                "api/v1/namespaces/shop/serviceaccounts",
                "api/v1/namespaces/shop/services",
                "apis/cert-manager.io/v1/namespaces/shop/certificates",
                "apis/gateway.networking.k8s.io/v1/namespaces/shop/backendtlspolicies",
                "apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes",
                "apis/monitoring.coreos.com/v1/namespaces/shop/servicemonitors",
                "apis/networking.k8s.io/v1/namespaces/shop/ingresses",
                "apis/networking.k8s.io/v1/namespaces/shop/networkpolicies",
                "apis/policy/v1/namespaces/shop/poddisruptionbudgets",
            ] {
                let child = json!({"metadata": {"name": "orders-old", "ownerReferences": [
                    {"apiVersion": "kivi.dev/v1alpha1", "kind": "KeyValueStore", "name": "orders", "uid": "uid-1"}
                ]}});
                server.objects.lock().insert(format!("/{folder}/orders-old"), child);
            }
        }
        Act::ForeignKinds => {
            for kind in ForeignKind::ALL {
                let (gvk, plural) = (kind.gvk(), kind.resource().plural);
                let resource = json!({"name": plural, "singularName": "", "namespaced": true, "kind": gvk.kind, "verbs": []});
                let mut objects = server.objects.lock();
                let list = objects.entry(format!("/apis/{}/{}", gvk.group, gvk.version)).or_insert_with(
                    || json!({"kind": "APIResourceList", "groupVersion": gvk.api_version(), "resources": []}),
                );
                list["resources"].as_array_mut().unwrap().push(resource);
            }
        }
        Act::Away => {
            let path = "/apis/kivi.dev/v1alpha1/namespaces/shop/keyvaluestores/orders/status";
            if let Some(written) = server.objects.lock().get_mut(path) {
                written["status"]["backup"]["since"] = json!("2026-01-01T00:00:00Z");
            }
        }
        Act::Backup => backup::reconcile::tests::live(server, context).await,
        Act::Watch => {
            let scope = Scope { client: client.clone(), namespaces: Vec::new() };
            let run =
                Controller::new(&scope, &context.ledger).run(context.clone(), 1, CancellationToken::new());
            let backups = backup::controller::Controller::new(&scope);
            let of_backups = backup::Context::new(context, backups.backups());
            let both = async { futures::join!(run, backups.run(of_backups, CancellationToken::new())) };
            drop(tokio::time::timeout(Duration::from_secs(5), both).await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_charts_rights_are_enough_and_each_is_needed() {
    let all = rights();
    let (refused, used) = live(&all).await;
    assert_eq!(refused, BTreeSet::new(), "the chart lacks these");
    let idle: BTreeSet<_> = all
        .difference(&used)
        .map(|(group, resource, verb)| (group.as_str(), resource.as_str(), verb.as_str()))
        .collect();
    assert_eq!(idle, NOT_YET.into(), "no life uses these: add one to LIVES, or remove the right");
    for right in &used {
        let mut fewer = all.clone();
        fewer.remove(right);
        let (refused, _) = live(&fewer).await;
        assert!(refused.contains(right), "nobody misses {right:?}");
    }
}
