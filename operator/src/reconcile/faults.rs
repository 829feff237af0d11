//! An API server that fails in every way at every call of a reconcile, each in turn. Whatever fails, a later
//! reconcile brings the store to where it would be, and what was made once is kept.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::pending;
use http::{Method, Request, Response};
use kube::Client;
use kube::client::{Body, ClientBuilder};
use serde_json::{Value, json};

use super::*;
use crate::client::Bounds;
use crate::test_support::server::Server;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// It answers with this code, and does nothing.
    Refuses(u16),
    /// It answers nothing, and does nothing.
    Hangs,
    /// It does what it is asked, and its answer is lost.
    Forgets,
    /// The connection breaks.
    Breaks,
}

const FAULTS: [Fault; 8] = [
    Fault::Refuses(409),
    Fault::Refuses(429),
    Fault::Refuses(500),
    Fault::Refuses(503),
    Fault::Refuses(403),
    Fault::Hangs,
    Fault::Forgets,
    Fault::Breaks,
];

/// Stores whose reconciles take different calls. Certificates take long to make, so the store that has one meets
/// only those faults that may lose one.
const STORES: [(&str, &[Fault]); 3] = [
    ("{}", &[Fault::Hangs, Fault::Forgets]),
    ("{tls: {disabled: {}}, sidecar: {enabled: false}}", &FAULTS),
    (
        "{tls: {disabled: {}}, auth: {tokensSecretRef: {name: mine}}, stopped: true, monitoring: {serviceMonitor: true}}",
        &FAULTS,
    ),
];

/// What is there before the store: what the last spec names, and what an earlier one left.
fn cluster() -> Server {
    let server = Server::default();
    let owned = json!({"name": "orders-old", "uid": "o", "ownerReferences": [
        {"apiVersion": "kivi.dev/v1alpha1", "kind": "KeyValueStore", "name": "orders", "uid": "uid-1"}
    ]});
    let resources = json!({"kind": "APIResourceList", "groupVersion": "monitoring.coreos.com/v1", "resources": [
        {"name": "servicemonitors", "singularName": "", "namespaced": true, "kind": "ServiceMonitor", "verbs": []}
    ]});
    for (path, object) in [
        (
            "/api/v1/namespaces/shop/secrets/mine",
            json!({"metadata": {"name": "mine"}, "data": {"token": "c2VjcmV0LXNlY3JldC1zZWNyZXQtMTIzNA=="}}),
        ),
        ("/api/v1/namespaces/shop/configmaps/orders-old", json!({"metadata": owned})),
        ("/apis/monitoring.coreos.com/v1", resources),
    ] {
        server.objects.lock().insert(path.to_owned(), object);
    }
    server
}

/// A client of the server behind the real client's time-outs; the call of this number fails so. Counts calls.
fn faulty(server: &Server, at: usize, fault: Fault) -> (Arc<Context>, Arc<AtomicUsize>) {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let (server, calls) = (server.clone(), Arc::new(AtomicUsize::new(0)));
    let counter = calls.clone();
    tokio::spawn(async move {
        while let Some((request, answer)) = handle.next_request().await {
            if counter.fetch_add(1, Ordering::Relaxed) != at {
                answer.send_response(server.answer(request).await);
                continue;
            }
            match fault {
                Fault::Refuses(code) => answer.send_response(refusal(code)),
                Fault::Breaks => answer.send_error("connection reset by peer"),
                Fault::Forgets | Fault::Hangs => {
                    if fault == Fault::Forgets {
                        server.answer(request).await;
                    }
                    tokio::spawn(async move {
                        let _never_sent = answer;
                        pending::<()>().await;
                    });
                }
            }
        }
    });
    (Server::context_over(ClientBuilder::new(service, "shop").with_layer(&Bounds).build()), calls)
}

fn refusal(code: u16) -> Response<Body> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": "Tested",
        "message": "it will not", "details": {"retryAfterSeconds": if code == 429 { 7 } else { 0 }},
    });
    Response::builder().status(code).body(Body::from(status.to_string().into_bytes())).unwrap()
}

/// What the API server holds, less events, versions, random values and the time.
fn outcome(server: &Server) -> BTreeMap<String, Value> {
    let mut objects = server.objects.lock().clone();
    objects.retain(|path, _| !path.contains("/events"));
    for (path, object) in &mut objects {
        // It tells in which order they came to be.
        object["metadata"]["resourceVersion"] = Value::Null;
        if path.contains("/secrets/") || path.ends_with("orders-ca") {
            object["data"] = Value::Null;
        }
        if path.ends_with("/status") {
            object["status"]["certificate"] = Value::Null;
            for condition in object["status"]["conditions"].as_array_mut().unwrap() {
                condition["lastTransitionTime"] = Value::Null;
            }
        }
    }
    objects
}

fn secrets(server: &Server) -> BTreeMap<String, Value> {
    let objects = server.objects.lock();
    let secrets = objects.iter().filter(|(path, _)| path.contains("/secrets/"));
    secrets.map(|(path, object)| (path.clone(), object["data"].clone())).collect()
}

fn condition(server: &Server, kind: &str) -> (String, String) {
    let Ok(store) = &server.store("{}").0 else { panic!("the store is sound") };
    let conditions = store.status.iter().flat_map(|status| status.conditions.clone());
    let found = conditions.into_iter().find(|condition| condition.type_ == kind);
    found.map(|condition| (condition.status, condition.message)).unwrap_or_default()
}

/// A reconcile, before which the watches caught up.
async fn reconcile_once(
    server: &Server,
    spec: &str,
    context: &Arc<Context>,
) -> Result<Action, ReconcileError> {
    server.show(&context.ledger);
    reconcile(server.store(spec), context.clone()).await
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_at_whichever_call_a_later_reconcile_ends_where_it_should() {
    for (spec, faults) in STORES {
        let whole = cluster();
        let (context, calls) = faulty(&whole, usize::MAX, Fault::Hangs);
        reconcile_once(&whole, spec, &context).await.unwrap();
        let count = calls.load(Ordering::Relaxed);
        reconcile_once(&whole, spec, &context).await.unwrap();
        assert!(count > 15, "{count}");
        for at in 0..count {
            for &fault in faults {
                let what = format!("{spec}: call {at}: {fault:?}");
                let server = cluster();
                let (context, _) = faulty(&server, at, fault);
                if let Err(error) = reconcile_once(&server, spec, &context).await {
                    let again = error_policy(server.store(spec), &error, context.clone());
                    assert_ne!(again, Action::await_change(), "{what}: {error}");
                    if fault == Fault::Refuses(429) {
                        assert_eq!(again, Action::requeue(Duration::from_secs(7)), "{what}");
                    }
                }
                let made = secrets(&server);
                for _ in 0..2 {
                    let again = reconcile_once(&server, spec, &context).await;
                    assert!(again.is_ok(), "{what}: {again:?}");
                }
                assert_eq!(outcome(&server), outcome(&whole), "{what}");
                let now = secrets(&server);
                let lost: Vec<_> = made.iter().filter(|(path, data)| now.get(*path) != Some(*data)).collect();
                assert!(lost.is_empty(), "{what}: {:?} changed", lost.iter().map(|(path, _)| path));
            }
        }
    }
}

/// Whatever of a changed spec was made before it failed goes with it.
#[tokio::test(start_paused = true)]
async fn a_change_that_fails_anywhere_and_is_taken_back_leaves_what_was_before() {
    let before = "{tls: {disabled: {}}}";
    let after = "{tls: {disabled: {}}, networkPolicy: {enabled: true}, ingress: {host: a.example}, limits: {keyBytes: 7}}";
    let whole = cluster();
    let (context, calls) = faulty(&whole, usize::MAX, Fault::Hangs);
    reconcile_once(&whole, before, &context).await.unwrap();
    let there = |server: &Server| outcome(server).into_keys().collect::<Vec<_>>();
    let (first, had) = (calls.load(Ordering::Relaxed), there(&whole));
    reconcile_once(&whole, after, &context).await.unwrap();
    let count = calls.load(Ordering::Relaxed) - first;
    assert_ne!(there(&whole), had);
    for at in first..first + count {
        let server = cluster();
        let (context, _) = faulty(&server, at, Fault::Refuses(403));
        reconcile_once(&server, before, &context).await.unwrap();
        let _fails = reconcile_once(&server, after, &context).await;
        for _ in 0..2 {
            reconcile_once(&server, before, &context).await.unwrap();
        }
        assert_eq!(there(&server), had, "call {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_api_server_will_not_take_is_told_and_its_own_trouble_is_not() {
    let spec = "{}";
    let whole = cluster();
    let (context, _) = faulty(&whole, usize::MAX, Fault::Hangs);
    reconcile(whole.store(spec), context).await.unwrap();
    let requests = whole.requests.lock().clone();
    let child = |(method, path): &(Method, String)| {
        *method != Method::GET && !path.contains("/events") && !path.ends_with("/status")
    };
    let children: Vec<usize> = (0..requests.len()).filter(|at| child(&requests[*at])).collect();
    assert!(children.len() > 9, "{requests:?}");
    for at in children {
        for (fault, told) in
            [(Fault::Refuses(403), true), (Fault::Refuses(500), false), (Fault::Hangs, false)]
        {
            let server = cluster();
            let (context, _) = faulty(&server, at, fault);
            let error = reconcile(server.store(spec), context).await.unwrap_err();
            assert_eq!(error.reason(), "ApplyFailed");
            let (status, message) = condition(&server, "Degraded");
            assert_eq!(status == "True", told, "call {at}: {fault:?}: {message}");
            if told {
                assert_eq!(message, error.to_string());
                assert!(message.ends_with("it will not (403)"), "{message}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_being_deleted_is_no_failure() {
    let server = cluster();
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let inner = server.clone();
    tokio::spawn(async move {
        while let Some((request, answer)) = handle.next_request().await {
            if *request.method() == Method::GET {
                answer.send_response(inner.answer(request).await);
                continue;
            }
            inner.requests.lock().push((request.method().clone(), request.uri().path().to_owned()));
            let status = json!({
                "kind": "Status", "status": "Failure", "code": 403, "reason": "Forbidden",
                "message": "unable to create new content in namespace shop because it is being terminated",
                "details": {"causes": [{"reason": "NamespaceTerminating", "message": "namespace shop is being terminated", "field": "metadata.namespace"}]},
            });
            let refusal = Response::builder().status(403).body(Body::from(status.to_string().into_bytes()));
            answer.send_response(refusal.unwrap());
        }
    });
    let context = Server::context_over(Client::new(service, "shop"));
    let action = reconcile(server.store("{}"), context).await.unwrap();
    assert_eq!(action, Action::await_change());
    assert_eq!(server.writes(), ["orders serviceaccounts"], "one try, no status and no event");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_deleted_meanwhile_is_no_failure() {
    let whole = cluster();
    let (context, _) = faulty(&whole, usize::MAX, Fault::Hangs);
    reconcile(whole.store("{}"), context).await.unwrap();
    let requests = whole.requests.lock().clone();
    let status = requests.iter().position(|(_, path)| path.ends_with("/status")).unwrap();
    let server = cluster();
    let (context, _) = faulty(&server, status, Fault::Refuses(404));
    let action = reconcile(server.store("{}"), context).await.unwrap();
    assert_eq!(action, Action::await_change());
}

#[tokio::test(start_paused = true)]
async fn a_store_made_anew_waits_until_what_the_last_one_owned_is_gone() {
    let server = cluster();
    let (context, _) = faulty(&server, usize::MAX, Fault::Hangs);
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let first = secrets(&server);
    let mut anew = crate::test_support::custom_resource("{}");
    anew.metadata.uid = Some("uid-2".to_owned());
    let anew = Arc::new(kube::core::DeserializeGuard(Ok(anew)));
    let before = outcome(&server);
    let error = reconcile(anew.clone(), context.clone()).await.unwrap_err();
    assert_eq!(error.reason(), "NameTaken");
    assert_ne!(error_policy(anew.clone(), &error, context.clone()), Action::await_change());
    let status = "/apis/kivi.dev/v1alpha1/namespaces/shop/keyvaluestores/orders/status";
    let without = |mut objects: BTreeMap<String, Value>| {
        objects.remove(status);
        objects
    };
    assert_eq!(without(outcome(&server)), without(before), "nothing of the last one is touched");
    // The garbage collector ends its work.
    server.objects.lock().retain(|path, _| path.ends_with("/mine") || path.ends_with("com/v1"));
    reconcile(anew, context).await.unwrap();
    let second = secrets(&server);
    let path = "/api/v1/namespaces/shop/secrets/orders-token";
    assert!(second.contains_key(path) && first[path] != second[path]);
}
