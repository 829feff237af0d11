//! What the volumes of a store are.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kivi_crds::{LOG_VOLUME, StoreNames, VolumePhase, VolumeStatus};
use kube::ResourceExt as _;

/// The log volumes among these claims, by ordinal.
pub(super) fn volumes(names: &StoreNames, claims: &[PersistentVolumeClaim]) -> Vec<VolumeStatus> {
    let prefix = format!("{LOG_VOLUME}-{}-", names.store());
    let mut volumes: Vec<(u32, VolumeStatus)> = claims
        .iter()
        .filter_map(|claim| {
            let ordinal = claim.name_any().strip_prefix(&prefix)?.parse().ok()?;
            Some((ordinal, volume(claim)))
        })
        .collect();
    volumes.sort_by_key(|(ordinal, _)| *ordinal);
    volumes.into_iter().map(|(_, volume)| volume).collect()
}

fn volume(claim: &PersistentVolumeClaim) -> VolumeStatus {
    let status = claim.status.as_ref();
    let requested = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref()?.requests.as_ref());
    let actual = status.and_then(|status| status.capacity.as_ref());
    VolumeStatus {
        name: claim.name_any(),
        phase: match status.and_then(|status| status.phase.as_deref()) {
            Some("Bound") => VolumePhase::Bound,
            Some("Lost") => VolumePhase::Lost,
            _ => VolumePhase::Pending,
        },
        requested: requested.and_then(|sizes| Some(sizes.get("storage")?.0.clone())),
        actual: actual.and_then(|sizes| Some(sizes.get("storage")?.0.clone())),
    }
}
