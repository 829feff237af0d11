//! What a volume claim says. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kivi_crds::{LOG_VOLUME, StoreNames};

/// Which pod's log claim of a store this is; none for another claim.
pub fn ordinal(names: &StoreNames, claim: &PersistentVolumeClaim) -> Option<u32> {
    let name = claim.metadata.name.as_deref()?;
    name.strip_prefix(&format!("{LOG_VOLUME}-{}-", names.store()))?.parse().ok()
}

/// The name of a claim that is being deleted, of those of a store's first servers.
pub fn leaving(names: &StoreNames, servers: i32, claims: &[PersistentVolumeClaim]) -> Option<String> {
    let used = |claim: &&PersistentVolumeClaim| {
        ordinal(names, claim).is_some_and(|n| i64::from(n) < i64::from(servers))
    };
    let leaves = |claim: &&PersistentVolumeClaim| claim.metadata.deletion_timestamp.is_some();
    claims.iter().filter(used).find(leaves)?.metadata.name.clone()
}

/// The size that a claim, or a template of claims, asks for.
pub fn requested(claim: &PersistentVolumeClaim) -> Option<&str> {
    storage(claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref())
}

/// The StorageClass that it was made for; none where it named none.
pub fn class(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.spec.as_ref()?.storage_class_name.as_deref().filter(|class| !class.is_empty())
}

/// The size of its volume; none until it is bound.
pub fn actual(claim: &PersistentVolumeClaim) -> Option<&str> {
    storage(claim.status.as_ref()?.capacity.as_ref())
}

/// Whether it has its volume.
pub fn is_bound(claim: &PersistentVolumeClaim) -> bool {
    phase(claim) == Some("Bound")
}

/// The word of its phase.
pub fn phase(claim: &PersistentVolumeClaim) -> Option<&str> {
    claim.status.as_ref()?.phase.as_deref()
}

/// A word of its status: how far the resizing of its volume is, where a resizer tells.
pub fn resize_word(claim: &PersistentVolumeClaim) -> Option<&str> {
    Some(claim.status.as_ref()?.allocated_resource_statuses.as_ref()?.get("storage")?.as_str())
}

/// The message of a condition that holds.
pub fn condition<'c>(claim: &'c PersistentVolumeClaim, type_: &str) -> Option<&'c str> {
    let conditions = claim.status.as_ref()?.conditions.as_ref()?;
    let holds = conditions.iter().find(|condition| condition.type_ == type_ && condition.status == "True")?;
    Some(holds.message.as_deref().unwrap_or_default())
}

fn storage(amounts: Option<&BTreeMap<String, Quantity>>) -> Option<&str> {
    Some(amounts?.get("storage")?.0.as_str())
}
