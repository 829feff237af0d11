//! The API server, as the bench writes to it: server-side apply of JSON, many objects at a time.

use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::{
    Client, Config,
    api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

use super::{failure, watch::untyped};
use crate::{error::BenchError, interrupt};

/// Who owns what the bench writes.
const MANAGER: &str = "kivi-bench";
/// Requests under way at once.
const AT_ONCE: usize = 16;

/// A client with the administrator's rights.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) client: Client,
}

impl Server {
    pub(super) async fn connect(kubeconfig: &Path) -> Result<Self, BenchError> {
        let action = "make a client of the cluster";
        let file = Kubeconfig::read_from(kubeconfig).map_err(failure(action))?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
        let client = Client::try_from(config.map_err(failure(action))?).map_err(failure(action))?;
        Ok(Self { client })
    }

    /// The API of an object's kind, in its namespace if it has one.
    fn api(&self, object: &Value) -> Api<DynamicObject> {
        let text = |field: &str| object[field].as_str().unwrap_or_default();
        let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text("kind")));
        match object["metadata"]["namespace"].as_str() {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &kind),
            None => Api::all_with(self.client.clone(), &kind),
        }
    }

    /// Server-side apply, as kubectl's.
    pub(super) async fn apply(&self, object: &Value) -> Result<(), BenchError> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let params = PatchParams::apply(MANAGER).force();
        let applied = self.api(object).patch(name, &params, &Patch::Apply(object)).await;
        applied.map(drop).map_err(failure(format!("apply {} {name}", object["kind"])))
    }

    /// Many, some at a time.
    pub(super) async fn apply_all(&self, objects: impl Iterator<Item = Value>) -> Result<(), BenchError> {
        stream::iter(objects)
            .map(|object| async move {
                interrupt::check()?;
                self.apply(&object).await
            })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Deletes an object, or finds that it is gone; does not wait for it.
    pub(super) async fn delete(&self, object: &Value) -> Result<(), BenchError> {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        match self.api(object).delete(name, &DeleteParams::background()).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(failure(format!("delete {} {name}", object["kind"]))(error)),
        }
    }

    /// Deletes the objects of a kind that have a label, in one request; does not wait for them.
    pub(super) async fn delete_all(&self, kind: (&str, &str), label: &str) -> Result<(), BenchError> {
        let all = untyped(self.client.clone(), kind, None);
        let labelled = ListParams::default().labels(label);
        let deleted = all.delete_collection(&DeleteParams::background(), &labelled).await;
        deleted.map(drop).map_err(failure(format!("delete what is labelled {label} of kind {}", kind.1)))
    }

    /// What the API server says of itself.
    pub(super) async fn metrics(&self) -> Result<String, BenchError> {
        let action = "read the API server's metrics";
        let request = http::Request::get("/metrics").body(Vec::new()).map_err(failure(action))?;
        self.client.request_text(request).await.map_err(failure(action))
    }
}

/// A namespace.
pub(super) fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}
