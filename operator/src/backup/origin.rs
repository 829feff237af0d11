//! What fills a store's volume before its first start, written down where it outlives the StatefulSet: at the claim. Pure.
//!
//! A StatefulSet is made anew while its pods run on, and a store on the volume of an earlier one of its name. Neither may
//! depend on a backup that is gone by then, nor on the release of the operator that made the pods.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, PersistentVolumeClaim, PodSpec, Volume};
use kivi_crds::FromBackup;
use kube::ResourceExt as _;
use serde::{Deserialize, Serialize};

use super::build::{RESTORE, VOLUMES, sound};
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

/// What restores in the pods of a store, and the volumes that it reads from.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The container.
    pub container: Container,
    /// The volumes.
    pub volumes: Vec<Volume>,
}

impl Made {
    /// The claim that the backup is read from.
    pub fn claim(&self) -> Option<&str> {
        let claims = self.volumes.iter().filter_map(|volume| volume.persistent_volume_claim.as_ref());
        claims.map(|claim| claim.claim_name.as_str()).next()
    }

    /// Whether it could restore: what was on a claim cannot be read once that was left out.
    pub fn restores(&self) -> bool {
        let from_claim = |arg: &String| arg.starts_with("--from=file:");
        self.claim().is_some() || !self.container.args.iter().flatten().any(from_claim)
    }
}

/// What restores in the pods of a store: as they were made, or as a claim says of pods that are gone.
pub fn made(
    from_backup: &FromBackup,
    set: Option<&StatefulSet>,
    claims: &[PersistentVolumeClaim],
    tools: Option<&Tools>,
) -> Option<Made> {
    let of_set = set.and_then(|set| in_pod(set.spec.as_ref()?.template.spec.as_ref()?));
    of_set.or_else(|| in_pod(&read(from_backup, claims, tools?)?))
}

/// Whether every volume of a store is filled for certain: its claim says that its store was up, with this beginning.
pub fn is_filled(from_backup: &FromBackup, claims: &[PersistentVolumeClaim]) -> bool {
    !claims.is_empty() && claims.iter().all(|claim| began(from_backup, claim))
}

fn began(from_backup: &FromBackup, claim: &PersistentVolumeClaim) -> bool {
    said(claim).is_some_and(|origin| origin.from_backup == *from_backup)
}

fn said(claim: &PersistentVolumeClaim) -> Option<Origin> {
    serde_json::from_str(claim.annotations().get(ORIGIN)?).ok()
}

fn in_pod(pod: &PodSpec) -> Option<Made> {
    let container = pod.init_containers.iter().flatten().find(|container| container.name == RESTORE)?;
    let volumes = pod.volumes.iter().flatten().filter(|volume| VOLUMES.contains(&volume.name.as_str()));
    Some(Made { container: container.clone(), volumes: volumes.cloned().collect() })
}

/// The claims that are to say what the store on their volumes began with, and what they say. They do once the store was
/// up: a restore that does not end must not be what the next store of the name begins with. From then on they say it as
/// the pods have it.
pub fn unwritten(
    from_backup: &FromBackup,
    set: &StatefulSet,
    claims: &[PersistentVolumeClaim],
) -> Vec<(String, String)> {
    let Some(origin) = origin(from_backup, set) else { return Vec::new() };
    let is_up = is_up(set);
    let lacks = |claim: &&PersistentVolumeClaim| {
        claim.annotations().get(ORIGIN) != Some(&origin) && (is_up || began(from_backup, claim))
    };
    claims.iter().filter(lacks).map(|claim| (claim.name_any(), origin.clone())).collect()
}

/// The pod that a store of this beginning had, as far as it restores; none where its volume had another beginning, or says
/// what no operator wrote.
fn read(from_backup: &FromBackup, claims: &[PersistentVolumeClaim], tools: &Tools) -> Option<PodSpec> {
    let mut origins = claims.iter().filter_map(said);
    sound(origins.find(|origin| origin.from_backup == *from_backup)?.pod, tools)
}

fn is_up(set: &StatefulSet) -> bool {
    let wanted = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or_default();
    let ready = set.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or_default();
    wanted > 0 && ready >= wanted
}

fn origin(from_backup: &FromBackup, set: &StatefulSet) -> Option<String> {
    let pod = set.spec.as_ref()?.template.spec.as_ref()?;
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
    use crate::build::stateful_set;
    use crate::dereferenced::Dereferenced;
    use crate::test_support::{children, issued, secret, tools, validated};

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
        let restores = |from: &FromBackup, claims| made(from, None, claims, Some(&tools()));
        let of_claim = restores(&from, &written).unwrap();
        assert_eq!(of_claim.claim(), Some("old"));
        assert!(of_claim.container.args.is_some());
        assert!(is_filled(&from, &written));

        let other = from_backup("{name: first}");
        assert!(restores(&other, &written).is_none() && !is_filled(&other, &written), "another beginning");
        let none = [claim(None), claim(Some("no JSON"))];
        assert!(restores(&from, &none).is_none() && !is_filled(&from, &none) && !is_filled(&from, &[]));
        assert!(!is_filled(&from, &[claim(Some(text)), claim(None)]), "one of two");
        assert_eq!(unwritten(&from, &set(1), &[claim(Some("no JSON"))]).len(), 1);
    }

    #[test]
    fn a_claim_says_it_as_the_pods_have_it_also_while_they_are_down() {
        let from = from_backup(PLACE);
        let told = unwritten(&from, &set(1), &[claim(None)]).remove(0).1;
        let mut lean = set(0);
        lean.spec.as_mut().unwrap().template.spec.as_mut().unwrap().volumes = None;
        let now = unwritten(&from, &lean, &[claim(Some(&told))]).remove(0).1;
        let made = made(&from, None, &[claim(Some(&now))], Some(&tools())).unwrap();
        assert!(made.claim().is_none() && !made.restores());
    }

    /// A pod that mounts nothing but Secrets starts without them: its container looks for a log before anything else.
    #[test]
    fn a_store_that_began_in_a_bucket_needs_none_of_its_secrets() {
        let spec = "{bootstrap: {fromBackup: {destination: {s3: {bucket: b, prefix: p, credentialsSecretRef: {name: keys},
            caSecretRef: {name: minio}}}}}}";
        let authority = secret("minio", [("ca.crt", issued().authorities.active.certificate.as_str())]);
        let found = Dereferenced { backup_authority: Some(authority), ..Dereferenced::default() };
        let store = validated(spec, &found).unwrap();
        let template = stateful_set::build(&store).spec.unwrap().template;
        let made = in_pod(&template.spec.unwrap()).unwrap();
        assert_eq!((made.claim(), made.restores(), made.volumes.len()), (None, true, 1));
        assert_eq!(made.volumes[0].secret.as_ref().unwrap().optional, Some(true));
        let sources = made.container.env.unwrap().into_iter().filter_map(|variable| variable.value_from);
        let keys: Vec<_> = sources.map(|source| source.secret_key_ref.unwrap()).collect();
        assert!(keys.len() == 3 && keys.iter().all(|key| key.optional == Some(true)), "{keys:?}");
    }

    #[test]
    fn a_store_that_began_with_nothing_has_no_origin() {
        let mut set = set(1);
        set.spec = children("{}").2.stateful_set.spec;
        assert_eq!(unwritten(&from_backup(PLACE), &set, &[claim(None)]), []);
    }
}
