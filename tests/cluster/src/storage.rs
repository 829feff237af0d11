//! Storage: a default class without a provisioner, and volumes made beforehand.
//!
//! Local volumes with node affinity honour a pod's fsGroup, which host paths do not. A claim takes the
//! smallest volume that fits, and the volume is wiped for the next one once its claim is gone.

use std::fs;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Layout, components::kubelet::NODE, error::ClusterError};

const CLASS: &str = "local";
const VOLUME_PREFIX: &str = "kivi-volume-";
/// How many volumes of which size: enough for tests that run at once, and some for tests of size.
const SIZES: [(usize, &str); 2] = [(48, "1Gi"), (16, "10Gi")];

/// The volumes' folders and the objects that announce them.
pub(crate) fn prepare(layout: &Layout) -> Result<String, ClusterError> {
    for (name, _) in volumes() {
        let folder = layout.volumes().join(name);
        fs::create_dir_all(&folder).map_err(ClusterError::io("create", &folder))?;
    }
    Ok(objects(layout).to_string())
}

/// Empties the folder behind a volume.
pub(crate) fn wipe(layout: &Layout, name: &str) -> Result<(), ClusterError> {
    let folder = layout.volumes().join(name);
    fs::remove_dir_all(&folder).map_err(ClusterError::io("empty", &folder))?;
    fs::create_dir(&folder).map_err(ClusterError::io("create", &folder))
}

/// The cluster's own volumes whose claims are gone, from `kubectl get persistentvolumes -o json`.
pub(crate) fn released(answer: &str) -> Result<Vec<String>, ClusterError> {
    #[derive(Deserialize)]
    struct List {
        items: Vec<Volume>,
    }
    #[derive(Deserialize)]
    struct Volume {
        metadata: Metadata,
        #[serde(default)]
        status: Status,
    }
    #[derive(Deserialize)]
    struct Metadata {
        name: String,
    }
    #[derive(Deserialize, Default)]
    struct Status {
        #[serde(default)]
        phase: String,
    }
    let list: List = serde_json::from_str(answer)
        .map_err(|source| ClusterError::Answer { what: "a list of volumes", source })?;
    let ours = list.items.into_iter().filter(|volume| volume.metadata.name.starts_with(VOLUME_PREFIX));
    Ok(ours.filter(|volume| volume.status.phase == "Released").map(|volume| volume.metadata.name).collect())
}

fn volumes() -> impl Iterator<Item = (String, &'static str)> {
    let sizes = SIZES.iter().flat_map(|(count, size)| std::iter::repeat_n(*size, *count));
    sizes.enumerate().map(|(index, size)| (format!("{VOLUME_PREFIX}{index:02}"), size))
}

/// The class lets claims grow, so that growth can be tested; nobody resizes the folder behind.
fn objects(layout: &Layout) -> Value {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": { "name": CLASS, "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": true,
    });
    let volumes = volumes().map(|(name, size)| volume(layout, &name, size));
    json!({ "apiVersion": "v1", "kind": "List", "items": std::iter::once(class).chain(volumes).collect::<Vec<_>>() })
}

fn volume(layout: &Layout, name: &str, size: &str) -> Value {
    let affinity = json!({ "key": "kubernetes.io/hostname", "operator": "In", "values": [NODE] });
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": { "name": name },
        "spec": {
            "capacity": { "storage": size },
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": CLASS,
            "local": { "path": layout.volumes().join(name) },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [affinity] }] } },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_released_volumes_of_ours_are_taken_back() {
        let answer = json!({ "items": [
            { "metadata": { "name": "kivi-volume-00" }, "status": { "phase": "Released" } },
            { "metadata": { "name": "kivi-volume-01" }, "status": { "phase": "Bound" } },
            { "metadata": { "name": "somebody-elses" }, "status": { "phase": "Released" } },
            { "metadata": { "name": "kivi-volume-02" } },
        ] });
        assert_eq!(released(&answer.to_string()).unwrap(), ["kivi-volume-00"]);
    }

    #[test]
    fn a_wiped_volume_is_an_empty_folder() {
        let state = tempfile::tempdir().unwrap();
        let layout = Layout::at(state.path());
        prepare(&layout).unwrap();
        let folder = layout.volumes().join("kivi-volume-03");
        fs::write(folder.join("left-over"), "x").unwrap();
        wipe(&layout, "kivi-volume-03").unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn every_volume_is_tied_to_the_node_and_its_own_folder() {
        let objects = objects(&Layout::at("/state"));
        let first = &objects["items"][1];
        assert_eq!(objects["items"].as_array().unwrap().len(), 65);
        assert_eq!(first["spec"]["local"]["path"], "/state/volumes/kivi-volume-00");
        let affinity =
            &first["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0];
        assert_eq!(affinity["values"][0], NODE);
    }
}
