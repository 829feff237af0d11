//! An API server of the tests' own: it keeps what is applied, and answers as far as a reconcile asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::PartialObjectMeta;
use kube::client::Body;
use kube::core::DeserializeGuard;
use kube_runtime::events::Recorder;
use kube_runtime::reflector::{self, Store};
use kube_runtime::watcher::Event;
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use super::{catalog, custom_resource, tools};
use crate::backup;
use crate::backup::known::Copies;
use crate::ledger::Ledger;
use crate::metrics::Metrics;
use crate::reconcile::Context;
use crate::rollouts::Rollouts;
use crate::watched::Watched;

/// Kinds of children whose watches a ledger follows.
const WATCHED: [&str; 8] = [
    "StatefulSet",
    "ConfigMap",
    "Service",
    "ServiceAccount",
    "Secret",
    "Ingress",
    "NetworkPolicy",
    "CronJob",
];

/// A merge patch (RFC 7386).
fn merged(there: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else {
        return patch;
    };
    let mut fields = match there {
        Value::Object(fields) => fields,
        _ => serde_json::Map::new(),
    };
    for (name, value) in patch {
        let old = fields.remove(&name).unwrap_or_default();
        if !value.is_null() {
            fields.insert(name, merged(old, value));
        }
    }
    Value::Object(fields)
}

/// An API server that keeps what is applied, by path, and notes every request.
#[derive(Clone, Default)]
pub(crate) struct Server {
    /// By path.
    pub(crate) objects: Arc<Mutex<BTreeMap<String, Value>>>,
    /// What was asked since `writes` was called.
    pub(crate) requests: Arc<Mutex<Vec<(Method, String)>>>,
    /// How often an object changed: its version then.
    pub(crate) changes: Arc<Mutex<u64>>,
    /// Part of a path whose writes are refused.
    pub(crate) refused: Option<&'static str>,
    /// Whether what is refused is only what apply makes of it, the lists of two writers in one: until an object was
    /// written as a whole, and its owners too.
    pub(crate) takes_whole_lists: bool,
}

impl Server {
    /// A client of this server, and what a reconcile needs.
    pub(crate) fn context(&self) -> Arc<Context> {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let server = self.clone();
        tokio::spawn(async move {
            while let Some((request, answer)) = handle.next_request().await {
                answer.send_response(server.answer(request).await);
            }
        });
        let context = Self::context_over(Client::new(service, "default"));
        context.copies.begin(self.backups());
        context
    }

    /// What a reconcile needs, over a client that may do more than this server.
    pub(crate) fn context_over(client: Client) -> Arc<Context> {
        Arc::new(Context {
            recorder: Recorder::new(client.clone(), "kivi-operator".into()),
            catalog: tokio::sync::watch::channel(catalog()).1,
            cluster_domain: "cluster.local".to_owned(),
            copies: Copies::new(tools()),
            client,
            rollouts: Arc::new(Rollouts::new(1)),
            metrics: Metrics::register(&mut Registry::default()),
            ledger: Arc::default(),
            failures: Mutex::default(),
        })
    }

    /// Puts an object of someone else's there, or in someone else's words.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.objects.lock().insert(path.to_owned(), object);
    }

    /// The store's schedule begins in its past, as if the operator had been away.
    pub(crate) fn backup_falls_due(&self) {
        let path = "/apis/kivi.dev/v1alpha1/namespaces/shop/keyvaluestores/orders/status";
        let mut objects = self.objects.lock();
        let status = objects.get_mut(path).unwrap();
        status["status"]["backup"]["since"] = json!("2026-01-01T00:00:00Z");
    }

    /// The backups that are there, as a watch keeps them.
    fn backups(&self) -> Store<backup::Watched> {
        let (reader, mut writer) = reflector::store::<backup::Watched>();
        writer.apply_watcher_event(&Event::Init);
        for (path, object) in self.objects.lock().iter() {
            if path.contains("/keyvaluestorebackups/") && !path.ends_with("/status") {
                writer
                    .apply_watcher_event(&Event::InitApply(serde_json::from_value(object.clone()).unwrap()));
            }
        }
        writer.apply_watcher_event(&Event::InitDone);
        reader
    }

    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let body = body.collect().await.unwrap().to_bytes();
        self.requests.lock().push((parts.method.clone(), path.clone()));
        let (code, value) = if parts.method == Method::GET {
            let folder = format!("{path}/");
            let items: Vec<Value> = self
                .objects
                .lock()
                .iter()
                .filter(|(path, _)| path.starts_with(&folder))
                .filter(|(_, object)| {
                    match parts.uri.query().and_then(|query| query.split("regarding.uid%3D").nth(1)) {
                        Some(uid) => object["regarding"]["uid"] == uid,
                        None => true,
                    }
                })
                .filter(|(_, object)| {
                    match parts.uri.query().and_then(|query| query.split("metadata.name%3D").nth(1)) {
                        Some(rest) => rest.split('&').next() == object["metadata"]["name"].as_str(),
                        None => true,
                    }
                })
                .map(|(_, object)| object.clone())
                .collect();
            let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items});
            let missing = json!({"kind": "Status", "code": 404, "reason": "NotFound", "message": "none"});
            match self.objects.lock().get(&path) {
                _ if parts.uri.query().is_some_and(|query| query.contains("Selector")) => (200, list),
                Some(object) => (200, object.clone()),
                None => (404, missing),
            }
        } else if self.refused.is_some_and(|refused| path.contains(refused))
            && !(self.takes_whole_lists
                && (parts.headers["content-type"] == "application/merge-patch+json"
                    || self.has_owners(&path)))
        {
            (422, json!({"kind": "Status", "code": 422, "reason": "Invalid", "message": "it is wrong"}))
        } else if parts.method == Method::DELETE {
            self.objects.lock().remove(&path);
            (200, json!({"kind": "Status", "status": "Success"}))
        } else {
            let mut object: Value = serde_json::from_slice(&body).unwrap();
            let path = match object["metadata"]["name"].as_str() {
                Some(name) if parts.method == Method::POST => format!("{path}/{name}"),
                _ => path,
            };
            if parts.headers["content-type"] == "application/merge-patch+json"
                && let Some(there) = self.objects.lock().get(&path)
            {
                object = merged(there.clone(), object);
            }
            if object["kind"] == "StatefulSet" {
                object["metadata"]["uid"] = json!("s");
            }
            let mut objects = self.objects.lock();
            // A write that changes nothing leaves an object at its version.
            let before = objects
                .get(&path)
                .map_or(Value::Null, |before| before["metadata"]["resourceVersion"].clone());
            object["metadata"]["resourceVersion"] = before;
            if objects.get(&path) != Some(&object) {
                let mut changes = self.changes.lock();
                *changes += 1;
                object["metadata"]["resourceVersion"] = json!(changes.to_string());
            }
            objects.insert(path, object.clone());
            (200, object)
        };
        Response::builder().status(code).body(Body::from(value.to_string().into_bytes())).unwrap()
    }

    /// Has the watches show all that there is.
    pub(crate) fn show(&self, ledger: &Ledger) {
        for kind in WATCHED {
            ledger.expect(kind, 1);
            ledger.heed::<ConfigMap>(kind, 0, Event::Init);
            for object in self.objects.lock().values().filter(|object| object["kind"] == kind) {
                let metadata = serde_json::from_value(object["metadata"].clone()).unwrap();
                let shown = PartialObjectMeta::<ConfigMap> { metadata, ..PartialObjectMeta::default() };
                ledger.heed(kind, 0, Event::InitApply(shown));
            }
            ledger.heed::<ConfigMap>(kind, 0, Event::InitDone);
        }
    }

    fn has_owners(&self, path: &str) -> bool {
        let objects = self.objects.lock();
        objects.get(path).is_some_and(|object| object["metadata"]["managedFields"].is_array())
    }

    /// What was written since the last call, as `kind name`, in order; events are left out.
    pub(crate) fn writes(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock())
            .into_iter()
            .filter(|(method, path)| *method != Method::GET && !path.contains("/events"))
            .map(|(_, path)| path.rsplit('/').take(2).collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// How many reads and how many writes there were since the last call.
    pub(crate) fn calls(&self) -> (usize, usize) {
        let requests = std::mem::take(&mut *self.requests.lock());
        let reads = requests.iter().filter(|(method, _)| *method == Method::GET).count();
        (reads, requests.len() - reads)
    }

    /// The store as its watch would show it now.
    pub(crate) fn store(&self, spec: &str) -> Arc<Watched> {
        let mut store = custom_resource(spec);
        let path = "/apis/kivi.dev/v1alpha1/namespaces/shop/keyvaluestores/orders/status";
        if let Some(written) = self.objects.lock().get(path) {
            store.status = serde_json::from_value(written["status"].clone()).unwrap();
        }
        Arc::new(DeserializeGuard(Ok(store)))
    }
}
