//! Which step is next until each volume has the wanted size. Pure.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::ResourceExt as _;

use super::{claim, size};

/// A claim whose request is to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Name of the claim.
    pub claim: String,
    /// Its version, so that a claim that changed meanwhile is looked at again.
    pub resource_version: Option<String>,
    /// The size that it asks for.
    pub from: String,
    /// The size that it should ask for.
    pub to: String,
}

/// A claim that the API server does not let ask for another size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Name of the claim.
    pub claim: String,
    /// The size that it asks for.
    pub from: String,
    /// The size that it should ask for.
    pub to: String,
    /// The API server's words.
    pub said: String,
}

/// What is to be done to the StatefulSet, for its template of claims.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Template {
    /// Nothing: it is as it should be, or cannot be yet.
    #[default]
    Keep,
    /// It must let go of its claims. A policy to delete them with the StatefulSet makes it their owner, and they must
    /// not hang on the garbage collector's being right about an owner that is replaced.
    Release,
    /// It is to be deleted, its pods left running.
    Replace,
    /// It is on its way out: what is made before it is gone would go with it.
    Leaving,
}

/// The claims whose request is to change to `wanted`.
///
/// A request is raised. It is lowered only where an earlier one was not met, which is how a growth that failed is taken
/// back (KEP-1790): the API server takes only what is more than the volume has. A claim without a volume cannot change.
pub fn requests(wanted: &str, claims: &[PersistentVolumeClaim]) -> Vec<Request> {
    claims
        .iter()
        .filter_map(|claim| {
            let from = claim::requested(claim)?;
            misses(wanted, claim).then(|| Request {
                claim: claim.name_any(),
                resource_version: claim.resource_version(),
                from: from.to_owned(),
                to: wanted.to_owned(),
            })
        })
        .collect()
}

/// Whether a claim should ask for another size, and can.
fn misses(wanted: &str, claim: &PersistentVolumeClaim) -> bool {
    let sizes = || Some((size::bytes(wanted)?, size::bytes(claim::requested(claim)?)?));
    let Some((wanted, requested)) = sizes().filter(|_| claim::is_bound(claim)) else {
        return false;
    };
    let actual = claim::actual(claim).and_then(size::bytes);
    wanted > requested || (wanted < requested && actual.is_some_and(|actual| wanted > actual))
}

/// What is to be done to the StatefulSet, given the claims as they are now.
pub fn template(wanted: &str, set: Option<&StatefulSet>, claims: &[PersistentVolumeClaim]) -> Template {
    let Some(set) = set else {
        return Template::Keep;
    };
    if set.metadata.deletion_timestamp.is_some() {
        return Template::Leaving;
    }
    let made = template_size(set);
    // While a claim is refused its size, so would be the next one's.
    if made.is_none_or(|made| size::same(made, wanted)) || claims.iter().any(|claim| misses(wanted, claim)) {
        return Template::Keep;
    }
    if lets_go(set) && !claims.iter().any(belongs_to_a_set) { Template::Replace } else { Template::Release }
}

/// The size in the template of claims.
pub fn template_size(set: &StatefulSet) -> Option<&str> {
    claim::requested(set.spec.as_ref()?.volume_claim_templates.as_ref()?.first()?)
}

/// Whether the StatefulSet's controller knows that it is to own no claims.
fn lets_go(set: &StatefulSet) -> bool {
    let policy =
        set.spec.as_ref().and_then(|spec| spec.persistent_volume_claim_retention_policy.as_ref()).is_none_or(
            |policy| {
                [&policy.when_deleted, &policy.when_scaled]
                    .into_iter()
                    .all(|word| word.as_deref().unwrap_or("Retain") == "Retain")
            },
        );
    let observed = set.status.as_ref().and_then(|status| status.observed_generation);
    policy && observed.unwrap_or_default() >= set.metadata.generation.unwrap_or_default()
}

fn belongs_to_a_set(claim: &PersistentVolumeClaim) -> bool {
    claim.owner_references().iter().any(|owner| owner.kind == "StatefulSet")
}

#[cfg(test)]
mod tests;
