//! What to do where an edit of a child makes each apply of it invalid.
//!
//! An apply keeps what others added to a list: an edited port of a Service stays beside the one that should be, and
//! two of one name are refused. A merge patch replaces lists as a whole (RFC 7386). It must leave no trace as an owner of
//! fields: what the operator stops to apply later has to go.

use std::fmt::Debug;

use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// Who owns fields while they are overwritten.
const OVERWRITER: &str = "kivi-operator-overwrite";

/// Replaces what is there as far as the child says something; an apply of it is to follow.
pub(super) async fn overwrite<K>(api: &Api<K>, child: &K) -> Result<(), kube::Error>
where
    K: Resource + Clone + Debug + Serialize + DeserializeOwned,
{
    let name = child.name_any();
    let params = PatchParams { field_manager: Some(OVERWRITER.to_owned()), ..PatchParams::default() };
    let replaced = api.patch(&name, &params, &Patch::Merge(child)).await?;
    let mut owners = replaced.managed_fields().to_vec();
    owners.retain(|owner| owner.manager.as_deref() != Some(OVERWRITER));
    // Of this state alone: who came to own something since stays an owner.
    let version = replaced.resource_version();
    let patch = json!({"metadata": {"resourceVersion": version, "managedFields": owners}});
    api.patch(&name, &params, &Patch::Merge(patch)).await.map(drop)
}
