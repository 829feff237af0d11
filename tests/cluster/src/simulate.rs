//! Nodes that are simulated, beside the real one: for tests of scale, and of a node that is lost.
//!
//! A pod on one is Ready at once and runs nothing. Such a node takes only pods that tolerate its taint; a
//! pod asks for one by its label.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Cluster, Component,
    components::kwok::ANNOTATION,
    error::ClusterError,
    ready, start, supervise,
    tools::{self, Module},
};

/// The label of each simulated node, for a pod's `nodeSelector`.
pub const LABEL: (&str, &str) = ("type", "kwok");
/// The key of the taint of each simulated node, with which it repels who does not tolerate it.
pub const TAINT: &str = "kwok.x-k8s.io/node";

impl Cluster {
    /// Adds simulated nodes of these names and waits until they are ready; those that are there stay. Builds KWOK
    /// first, and starts it beside the cluster if it does not run. Needs root, and the local cluster.
    pub fn simulate(&self, nodes: &[&str]) -> Result<(), ClusterError> {
        let layout = self.local_layout("add nodes to it by its own means")?;
        let daemon = Component::Kwok.daemon(layout, &tools::ensure(&[Module::Kwok])?)?;
        let lock = start::lock(layout)?;
        supervise::ensure(layout, Component::Kwok, &daemon)?;
        drop(lock);
        self.apply(&list(nodes).to_string())?;
        ready::nodes(self, layout, nodes)
    }

    /// Removes all simulated nodes, and with them what is said to run there, and ends their simulation. Nothing
    /// to do is fine. Needs root, and the local cluster.
    pub fn end_simulation(&self) -> Result<(), ClusterError> {
        let layout = self.local_layout("remove nodes from it by its own means")?;
        let (key, value) = LABEL;
        self.run(&["delete", "nodes", &format!("--selector={key}={value}"), "--ignore-not-found"])?;
        let _lock = start::lock(layout)?;
        supervise::stop(layout, Component::Kwok, Duration::ZERO)
    }
}

fn list(nodes: &[&str]) -> Value {
    let nodes: Vec<Value> = nodes.iter().map(|name| node(name)).collect();
    json!({ "apiVersion": "v1", "kind": "List", "items": nodes })
}

fn node(name: &str) -> Value {
    let (annotation, fake) = ANNOTATION;
    let (label, kwok) = LABEL;
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": { annotation: fake },
            "labels": { label: kwok, "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" },
        },
        "spec": { "taints": [{ "key": TAINT, "value": fake, "effect": "NoSchedule" }] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_node_repels_whoever_does_not_ask_for_it() {
        let nodes = list(&["far-away"]);
        let node = &nodes["items"][0];
        assert_eq!(node["metadata"]["name"], "far-away");
        assert_eq!(node["metadata"]["annotations"]["kwok.x-k8s.io/node"], "fake");
        assert_eq!(node["metadata"]["labels"]["type"], "kwok");
        assert_eq!(node["spec"]["taints"][0]["effect"], "NoSchedule");
    }
}
