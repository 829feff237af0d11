//! Whether a volume grows by itself, and to what. Pure.
//!
//! The operator writes no spec. What a volume has grown to by itself is kept where it is asked for: at its claim.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kivi_crds::StoreNames;
use kivi_crds::settings::{AutoGrow, FileLogSettings};
use kube::ResourceExt as _;

use super::claim;
use super::fill::Fill;
use super::size;

/// Annotation of a claim: the size that its volume was to grow to by itself.
pub const GROWN: &str = "kivi.dev/auto-grown";

/// Annotation of a claim: when the server ended for want of room, for which its volume was to grow. One end is worth one step:
/// the next try may be minutes away, and finds more room.
pub const GROWN_AFTER: &str = "kivi.dev/auto-grown-after";

/// A volume that was told to be at its largest is so until it is emptier than the threshold by this much, in percent: the
/// log breathes with each compaction.
const HYSTERESIS: u64 = 5;

/// What is to be done, and what there is to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Growth {
    /// Nothing.
    #[default]
    Rest,
    /// A volume is to grow.
    To {
        /// To this size.
        size: String,
        /// For a server that ended for want of room then.
        after: Option<String>,
    },
    /// A volume, named by its claim, is too full and may not grow.
    AtMax(String),
    /// It is almost as full: nothing new is told.
    NearMax(String),
    /// How full the volume of this claim is cannot be learned.
    Blind {
        /// Name of the claim.
        claim: String,
        /// Why not.
        why: String,
    },
}

/// The size that each claim should ask for: the spec's, or what a volume has grown to by itself.
pub fn wanted(file: &FileLogSettings, claims: &[PersistentVolumeClaim]) -> String {
    let grown = claims.iter().filter_map(|claim| grown(file, claim)).max();
    match grown {
        Some(grown) if grown > file.size.bytes() => size::text(grown),
        _ => file.size.to_string(),
    }
}

/// A lower `max` takes a growth back that was not met; without `autoGrow`, only what was met counts.
fn grown(file: &FileLogSettings, claim: &PersistentVolumeClaim) -> Option<u64> {
    let reached = size::bytes(claim.annotations().get(GROWN)?)?;
    let bound = match &file.auto_grow {
        Some(auto) => auto.max.bytes(),
        None => size::bytes(claim::actual(claim)?)?,
    };
    Some(reached.min(bound))
}

/// What is to be done about the volumes, as full as they are. One step at a time: while one grows, nothing is asked.
pub fn judge(
    names: &StoreNames,
    file: &FileLogSettings,
    claims: &[PersistentVolumeClaim],
    fills: &BTreeMap<u32, Fill>,
) -> Growth {
    let Some(auto) = &file.auto_grow else {
        return Growth::Rest;
    };
    let wanted = size::bytes(&wanted(file, claims)).unwrap_or(u64::MAX);
    let judged = claims.iter().map(|claim| {
        let known = claim::ordinal(names, claim).and_then(|ordinal| fills.get(&ordinal));
        known.map_or(Growth::Rest, |fill| of_one(auto, wanted, claim, fill))
    });
    // The first that calls for something; a growth is for all.
    let all: Vec<Growth> = judged.filter(|growth| *growth != Growth::Rest).collect();
    let grows = all.iter().find(|growth| matches!(growth, Growth::To { .. }));
    grows.or(all.first()).cloned().unwrap_or_default()
}

fn of_one(auto: &AutoGrow, wanted: u64, claim: &PersistentVolumeClaim, fill: &Fill) -> Growth {
    let sizes = || Some((size::bytes(claim::requested(claim)?)?, size::bytes(claim::actual(claim)?)?));
    let Some((_, actual)) = sizes().filter(|(requested, actual)| requested <= actual) else {
        return Growth::Rest;
    };
    let (used, of) = match fill {
        Fill::Full(end) if claim.annotations().get(GROWN_AFTER) == Some(end) => return Growth::Rest,
        Fill::Full(_) => (1, 1),
        Fill::Unknown(why) => return Growth::Blind { claim: claim.name_any(), why: why.clone() },
        Fill::Measured(figures) => match figures.used(actual) {
            Some(used) => used,
            None => return Growth::Rest,
        },
    };
    let threshold = u64::try_from(auto.threshold).unwrap_or_default();
    let percent = |share: u64| u128::from(used) * 100 >= u128::from(of) * u128::from(share);
    let now = wanted.max(actual);
    // In whole MiB, as people write sizes.
    let next = now.saturating_add(auto.step.of(now)).div_ceil(1 << 20).saturating_mul(1 << 20);
    let next = next.min(auto.max.bytes());
    match (percent(threshold), next > now) {
        (true, true) => {
            let after = match fill {
                Fill::Full(end) => Some(end.clone()),
                Fill::Measured(_) | Fill::Unknown(_) => None,
            };
            Growth::To { size: size::text(next), after }
        }
        (true, false) => Growth::AtMax(claim.name_any()),
        (false, false) if percent(threshold.saturating_sub(HYSTERESIS)) => Growth::NearMax(claim.name_any()),
        (false, _) => Growth::Rest,
    }
}

#[cfg(test)]
mod tests;
