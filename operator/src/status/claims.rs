//! What the volumes of a store are.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kivi_crds::{StoreNames, VolumePhase, VolumeResize, VolumeStatus};
use kube::ResourceExt as _;

use crate::volumes::{claim, size};

/// The log volumes among these claims, by ordinal.
pub(super) fn volumes(names: &StoreNames, claims: &[PersistentVolumeClaim]) -> Vec<VolumeStatus> {
    let mut volumes: Vec<(u32, VolumeStatus)> =
        claims.iter().filter_map(|claim| Some((claim::ordinal(names, claim)?, volume(claim)))).collect();
    volumes.sort_by_key(|(ordinal, _)| *ordinal);
    volumes.into_iter().map(|(_, volume)| volume).collect()
}

/// Why a volume does not get the size that it was asked to get, in the resizer's words.
pub(super) fn resize_error(claims: &[PersistentVolumeClaim]) -> Option<String> {
    let types = ["ControllerResizeError", "NodeResizeError"];
    let mut said = claims.iter().flat_map(|claim| types.map(|type_| claim::condition(claim, type_)));
    said.find_map(|message| message.filter(|message| !message.is_empty()).map(str::to_owned))
}

/// The StorageClass of each claim that has no volume yet and names one, by the claim's name.
pub(super) fn pending_classes(claims: &[PersistentVolumeClaim]) -> BTreeMap<String, String> {
    let pending = claims.iter().filter(|claim| is_pending(claim));
    pending.filter_map(|claim| Some((claim.name_any(), claim::class(claim)?.to_owned()))).collect()
}

/// Whether a claim has no volume yet.
pub(super) fn is_pending(claim: &PersistentVolumeClaim) -> bool {
    phase(claim) == VolumePhase::Pending
}

fn phase(claim: &PersistentVolumeClaim) -> VolumePhase {
    match claim::phase(claim) {
        _ if claim.metadata.deletion_timestamp.is_some() => VolumePhase::Terminating,
        Some("Bound") => VolumePhase::Bound,
        Some("Lost") => VolumePhase::Lost,
        _ => VolumePhase::Pending,
    }
}

fn volume(claim: &PersistentVolumeClaim) -> VolumeStatus {
    VolumeStatus {
        name: claim.name_any(),
        phase: phase(claim),
        requested: claim::requested(claim).map(str::to_owned),
        actual: claim::actual(claim).map(str::to_owned),
        resize: resize(claim),
    }
}

/// How far the resizing of a volume is. Resizers of several generations tell it in different fields.
fn resize(claim: &PersistentVolumeClaim) -> Option<VolumeResize> {
    let word = claim::resize_word(claim).unwrap_or_default();
    if word.ends_with("Infeasible") {
        return Some(VolumeResize::Infeasible);
    }
    let (requested, actual) = (claim::requested(claim)?, claim::actual(claim)?);
    if size::bytes(requested)? <= size::bytes(actual)? {
        return None;
    }
    let holds = |type_| claim::condition(claim, type_).is_some();
    Some(if holds("ControllerResizeError") || holds("NodeResizeError") {
        VolumeResize::Failing
    } else if holds("FileSystemResizePending") || word == "NodeResizePending" {
        VolumeResize::FileSystemResizePending
    } else if holds("Resizing") || word.ends_with("InProgress") {
        VolumeResize::Resizing
    } else {
        VolumeResize::Requested
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_how_far_the_resizing_is() {
        use VolumeResize::{Failing, FileSystemResizePending, Infeasible, Requested, Resizing};
        let condition =
            |type_: &str| format!("conditions: [{{type: {type_}, status: 'True', message: no room}}]");
        let word = |word: &str| format!("allocatedResourceStatuses: {{storage: {word}}}");
        for (requested, more, expected) in [
            ("1Gi", "phase: Bound".to_owned(), None),
            ("2Gi", "phase: Bound".to_owned(), Some(Requested)),
            ("2Gi", condition("Resizing"), Some(Resizing)),
            ("2Gi", word("ControllerResizeInProgress"), Some(Resizing)),
            ("2Gi", condition("FileSystemResizePending"), Some(FileSystemResizePending)),
            ("2Gi", word("NodeResizePending"), Some(FileSystemResizePending)),
            ("2Gi", condition("ControllerResizeError"), Some(Failing)),
            ("2Gi", word("NodeResizeInfeasible"), Some(Infeasible)),
            (
                "2Gi",
                format!("{}, {}", condition("Resizing"), word("ControllerResizeInfeasible")),
                Some(Infeasible),
            ),
        ] {
            let yaml = format!(
                "{{metadata: {{name: log-orders-0}}, spec: {{resources: {{requests: {{storage: {requested}}}}}}},
                   status: {{capacity: {{storage: 1Gi}}, {more}}}}}"
            );
            let claim: PersistentVolumeClaim = serde_yaml::from_str(&yaml).unwrap();
            assert_eq!(resize(&claim), expected, "{yaml}");
            let told = more.contains("ResizeError").then(|| "no room".to_owned());
            assert_eq!(resize_error(&[claim]), told, "{yaml}");
        }
    }

    #[test]
    fn a_claim_without_a_volume_tells_the_class_that_it_was_made_for() {
        let claim = |name: &str, class: &str, phase: &str| -> PersistentVolumeClaim {
            let yaml =
                format!("{{metadata: {{name: {name}}}, spec: {{{class}}}, status: {{phase: {phase}}}}}");
            serde_yaml::from_str(&yaml).unwrap()
        };
        let claims = [
            claim("log-orders-0", "storageClassName: nope", "Pending"),
            claim("log-orders-1", "storageClassName: local", "Bound"),
            claim("log-orders-2", "storageClassName: ''", "Pending"),
            claim("log-orders-3", "", "Pending"),
        ];
        let classes = pending_classes(&claims);
        assert_eq!(classes, BTreeMap::from([("log-orders-0".to_owned(), "nope".to_owned())]));
    }

    #[test]
    fn a_claim_that_is_being_deleted_says_so_whatever_else_it_is() {
        for (phase, leaving, expected) in [
            ("Bound", "", VolumePhase::Bound),
            ("Bound", "deletionTimestamp: '2026-11-22T10:00:00Z'", VolumePhase::Terminating),
            ("Pending", "deletionTimestamp: '2026-11-22T10:00:00Z'", VolumePhase::Terminating),
        ] {
            let yaml = format!("{{metadata: {{name: log-orders-0, {leaving}}}, status: {{phase: {phase}}}}}");
            let claim: PersistentVolumeClaim = serde_yaml::from_str(&yaml).unwrap();
            assert_eq!(volume(&claim).phase, expected, "{yaml}");
            assert_eq!(is_pending(&claim), expected == VolumePhase::Pending);
        }
    }

    #[test]
    fn only_a_stores_own_claims_are_its_volumes_and_they_are_in_order() {
        let claim = |name: &str| serde_yaml::from_str(&format!("{{metadata: {{name: {name}}}}}")).unwrap();
        let claims = ["log-orders-10", "log-orders-2", "log-orders-eu-0", "data-orders-0"].map(claim);
        let names: Vec<String> =
            volumes(&StoreNames::new("orders"), &claims).into_iter().map(|volume| volume.name).collect();
        assert_eq!(names, ["log-orders-2", "log-orders-10"]);
    }
}
