//! What fills a store's volume before its first start, written down where it outlives the StatefulSet: at the claim. Pure.
//!
//! A StatefulSet is made anew while its pods run on, and a store on the volume of an earlier one of its name. Neither may
//! depend on a backup that is gone by then, nor on the release of the operator that made the pods.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, PersistentVolumeClaim, PodSpec};
use kivi_crds::FromBackup;
use kube::ResourceExt as _;
use serde::{Deserialize, Serialize};

use super::build::{RESTORE, sound};
use super::model::Tools;

/// Annotation of a claim: what the store on its volume began with.
pub const ORIGIN: &str = "kivi.dev/began-with";

/// What a store began with.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Origin {
    /// What its spec asked for. What another spec asks for is another beginning.
    from_backup: FromBackup,
    /// Of its pod what restores, and the volumes that this reads from.
    pod: PodSpec,
}

/// The claims that are to say what the store on their volumes began with, and what they say. They do once the store was
/// up: a restore that does not end must not be what the next store of the name begins with.
pub fn unwritten(
    from_backup: &FromBackup,
    set: &StatefulSet,
    claims: &[PersistentVolumeClaim],
) -> Vec<(String, String)> {
    let Some(origin) = origin(from_backup, set) else { return Vec::new() };
    let lacks = |claim: &&PersistentVolumeClaim| claim.annotations().get(ORIGIN) != Some(&origin);
    claims.iter().filter(lacks).map(|claim| (claim.name_any(), origin.clone())).collect()
}

/// The pod that a store of this beginning had, as far as it restores; none where its volume had another beginning, or says
/// what no operator wrote.
pub fn read(from_backup: &FromBackup, claims: &[PersistentVolumeClaim], tools: &Tools) -> Option<PodSpec> {
    let mut origins = claims
        .iter()
        .filter_map(|claim| serde_json::from_str::<Origin>(claim.annotations().get(ORIGIN)?).ok());
    sound(origins.find(|origin| origin.from_backup == *from_backup)?.pod, tools)
}

fn origin(from_backup: &FromBackup, set: &StatefulSet) -> Option<String> {
    let wanted = set.spec.as_ref()?.replicas?;
    let is_up = wanted > 0 && set.status.as_ref()?.ready_replicas.unwrap_or_default() >= wanted;
    let pod = set.spec.as_ref().filter(|_| is_up)?.template.spec.as_ref()?;
    let restores = pod.init_containers.iter().flatten().find(|container| container.name == RESTORE)?;
    let mounts: Vec<_> = restores.volume_mounts.iter().flatten().map(|mount| &mount.name).collect();
    let volumes = pod.volumes.iter().flatten().filter(|volume| mounts.contains(&&volume.name));
    let Container { name, image, image_pull_policy, args, env, resources, .. } = restores.clone();
    let restores = Container { name, image, image_pull_policy, args, env, resources, ..Container::default() };
    let pod = PodSpec {
        init_containers: Some(vec![restores]),
        volumes: Some(volumes.cloned().collect()),
        ..PodSpec::default()
    };
    serde_json::to_string(&Origin { from_backup: from_backup.clone(), pod }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{children, tools};

    const PLACE: &str = "{destination: {volume: {claimName: old, path: p}}}";

    fn from_backup(yaml: &str) -> FromBackup {
        serde_yaml::from_str(yaml).unwrap()
    }

    /// The StatefulSet of a store that began with a backup, with so many of its pods ready.
    fn set(ready: i32) -> StatefulSet {
        let (_, _, children) = children(&format!("{{bootstrap: {{fromBackup: {PLACE}}}}}"));
        let status = serde_yaml::from_str(&format!("{{replicas: 1, readyReplicas: {ready}}}")).unwrap();
        StatefulSet { status: Some(status), ..children.stateful_set }
    }

    fn claim(annotation: Option<&str>) -> PersistentVolumeClaim {
        let mut claim: PersistentVolumeClaim =
            serde_yaml::from_str("{metadata: {name: log-orders-0}}").unwrap();
        claim.annotations_mut().extend(annotation.map(|text| (ORIGIN.to_owned(), text.to_owned())));
        claim
    }

    #[test]
    fn a_claim_says_what_its_store_began_with_once_that_is_up() {
        let from = from_backup(PLACE);
        assert_eq!(unwritten(&from, &set(0), &[claim(None)]), []);
        let [(name, text)] = &unwritten(&from, &set(1), &[claim(None)])[..] else {
            panic!("the claim says nothing yet")
        };
        assert_eq!(name, "log-orders-0");
        let written = [claim(Some(text))];
        assert_eq!(unwritten(&from, &set(1), &written), [], "it is written once");
        let pod = read(&from, &written, &tools()).unwrap();
        assert_eq!(pod.volumes.unwrap()[0].persistent_volume_claim.as_ref().unwrap().claim_name, "old");
        assert!(pod.init_containers.unwrap()[0].args.is_some());

        assert!(read(&from_backup("{name: first}"), &written, &tools()).is_none(), "another beginning");
        assert!(read(&from, &[claim(None), claim(Some("no JSON"))], &tools()).is_none());
        assert_eq!(unwritten(&from, &set(1), &[claim(Some("no JSON"))]).len(), 1);
    }

    #[test]
    fn a_store_that_began_with_nothing_has_no_origin() {
        let mut set = set(1);
        set.spec = children("{}").2.stateful_set.spec;
        assert_eq!(unwritten(&from_backup(PLACE), &set, &[claim(None)]), []);
    }
}
