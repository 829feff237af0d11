//! What the stores of `stores` need of a cluster that has one node: simulated nodes, volumes, addresses of Services.
//! All of it carries one label, by which it is removed.

use kivi_cluster::{Cluster, ClusterError, simulate};
use serde_json::{Value, json};

use super::{
    api::{Server, namespace},
    blocking, calls, foreign,
    watch::{until, untyped},
};
use crate::error::BenchError;

/// What everything carries that the bench makes.
pub(super) const LABEL: &str = "kivi.dev/bench";
/// The volumes' class.
const CLASS: &str = "kivi-bench";
/// Beside the local cluster's 254 addresses of Services.
const ADDRESSES: &str = "198.19.128.0/17";
const NODES: [&str; 4] = ["kivi-bench-0", "kivi-bench-1", "kivi-bench-2", "kivi-bench-3"];
/// Of the stores.
const PER_NAMESPACE: usize = 100;

fn labelled(mut object: Value) -> Value {
    object["metadata"]["labels"][LABEL] = json!("stores");
    object
}

/// Namespace and name of a store.
pub(super) fn place(number: usize) -> (String, String) {
    (format!("kivi-bench-stores-{}", number / PER_NAMESPACE), format!("store-{number:05}"))
}

/// A store whose pod is simulated.
pub(super) fn store(number: usize) -> Value {
    let (namespace, name) = place(number);
    let (label, kwok) = simulate::LABEL;
    labelled(json!({
        "apiVersion": "kivi.dev/v1alpha1", "kind": "KeyValueStore",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "log": {"file": {"storageClassName": CLASS}},
            "pod": {"nodeSelector": {label: kwok}, "tolerations": [{"key": simulate::TAINT, "operator": "Exists"}]},
        },
    }))
}

/// A volume that waits for the claim of one store: there is no provisioner.
fn volume(number: usize) -> Value {
    let (namespace, name) = place(number);
    labelled(json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": format!("kivi-bench-{number:05}")},
        "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": CLASS,
            "persistentVolumeReclaimPolicy": "Retain", "hostPath": {"path": "/nowhere"},
            "claimRef": {"namespace": namespace, "name": format!("log-{name}-0")},
        },
    }))
}

/// Makes all that is there before the first store is.
pub(super) async fn furnish(
    server: &Server,
    cluster: &Cluster,
    stores: usize,
    foreign: usize,
) -> Result<(), BenchError> {
    eprintln!(
        "    {} simulated nodes, {stores} volumes, {foreign} foreign Secrets and as many pods",
        NODES.len()
    );
    // Another cluster than the local one has its own simulation.
    if cluster.is_local() {
        let cluster = cluster.clone();
        blocking("simulate nodes", move || cluster.simulate(&NODES)).await?;
    }
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": CLASS},
        "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "Immediate",
    });
    let addresses = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "kivi-bench"},
        "spec": {"cidrs": [ADDRESSES]},
    });
    let once = [class, addresses].into_iter().chain(calls::schemas());
    server.apply_all(once.map(labelled)).await?;
    let last = foreign::namespaces(foreign);
    let namespaces =
        (0..stores.div_ceil(PER_NAMESPACE)).map(|number| place(number * PER_NAMESPACE).0).chain(last);
    server.apply_all(namespaces.map(|name| labelled(namespace(&name)))).await?;
    server.apply_all((0..stores).map(volume)).await?;
    server.apply_all((0..foreign).map(foreign::secret)).await?;
    // A pod is refused until its namespace has an account, which is there long before the Secrets are.
    server.apply_all((0..foreign).map(foreign::pod)).await?;
    let ranges = untyped(server.client.clone(), ("networking.k8s.io", "ServiceCIDR"), None);
    until(ranges, LABEL, 1, |range| range.data["status"]["conditions"][0]["status"] == "True").await
}

/// Removes all of it, also what an earlier run left.
pub(super) async fn clear(cluster: &Cluster) -> Result<(), BenchError> {
    // Namespaces first, while somebody is there to say that their pods are gone.
    let namespaces = cluster.clone();
    blocking("remove what was measured", move || delete(&namespaces, "namespaces")).await?;
    // kubectl would ask after each of thousands, one by one.
    let server = Server::connect(cluster.kubeconfig()).await?;
    server.delete_all(("", "PersistentVolume"), LABEL).await?;
    let cluster = cluster.clone();
    blocking("remove what was measured", move || {
        delete(&cluster, "storageclasses,flowschemas,servicecidrs")?;
        if cluster.is_local() { cluster.end_simulation() } else { Ok(()) }
    })
    .await
}

fn delete(cluster: &Cluster, kinds: &str) -> Result<(), ClusterError> {
    cluster.run(&["delete", kinds, "--selector", LABEL, "--ignore-not-found", "--timeout=1200s"])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stores_claim_is_the_one_that_its_volume_waits_for() {
        let (store, volume) = (store(123), volume(123));
        assert_eq!(store["metadata"]["namespace"], "kivi-bench-stores-1");
        assert_eq!(volume["spec"]["claimRef"]["namespace"], store["metadata"]["namespace"]);
        assert_eq!(volume["spec"]["claimRef"]["name"], "log-store-00123-0");
        assert_eq!(store["spec"]["log"]["file"]["storageClassName"], volume["spec"]["storageClassName"]);
    }
}
