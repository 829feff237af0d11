//! The objects that the operator makes of a store, taken from the cluster and made to stand alone: what a user
//! without an operator would apply.

use kube::{Client, api::ListParams};
use serde_json::{Value, json};

use super::{failure, watch::untyped};
use crate::error::BenchError;

/// The kinds of a store's children, in the order in which a manifest has them: a pod's StatefulSet after what it mounts.
const KINDS: [(&str, &str); 5] =
    [("", "ServiceAccount"), ("", "Secret"), ("", "ConfigMap"), ("", "Service"), ("apps", "StatefulSet")];

/// The children of a store, without what is of this store or of this cluster.
pub(super) async fn capture(client: &Client, namespace: &str, store: &str) -> Result<Vec<Value>, BenchError> {
    let own = ListParams::default().labels(&format!("app.kubernetes.io/instance={store}"));
    let mut children = Vec::new();
    for (group, kind) in KINDS {
        let api = untyped(client.clone(), (group, kind), Some(namespace));
        let found = api.list(&own).await.map_err(failure(format!("list {kind}s")))?;
        for mut child in found {
            let mut metadata = json!({ "name": child.metadata.name.take() });
            metadata["labels"] = json!(child.metadata.labels);
            metadata["annotations"] = json!(child.metadata.annotations.unwrap_or_default());
            let mut object = child.data;
            object["apiVersion"] = if group.is_empty() { json!("v1") } else { json!(format!("{group}/v1")) };
            object["kind"] = json!(kind);
            object["metadata"] = metadata;
            strip(&mut object);
            children.push(object);
        }
    }
    Ok(children)
}

/// Takes away what the API server adds.
fn strip(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    fields.remove("status");
    let Some(spec) = fields.get_mut("spec").and_then(Value::as_object_mut) else { return };
    // Headless Services keep theirs: it says that there is none.
    if spec.get("clusterIP").is_some_and(|address| address != "None") {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
}

/// The same in another namespace.
pub(super) fn within(objects: &[Value], namespace: &str) -> Vec<Value> {
    let moved = |object: &Value| {
        let mut object = object.clone();
        object["metadata"]["namespace"] = json!(namespace);
        object
    };
    objects.iter().map(moved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_cluster_is_given_back_and_that_there_is_none_is_kept() {
        let mut service =
            json!({"spec": {"clusterIP": "198.19.0.7", "clusterIPs": ["198.19.0.7"]}, "status": {}});
        strip(&mut service);
        assert_eq!(service, json!({"spec": {}}));
        let headless = json!({"spec": {"clusterIP": "None", "clusterIPs": ["None"]}});
        let mut same = headless.clone();
        strip(&mut same);
        assert_eq!(same, headless);
    }
}
