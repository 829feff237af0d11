//! Takes the next step (client): changes requests of claims and what they say, and deletes a StatefulSet whose template is
//! outgrown.
//!
//! It must not decide which step that is.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kivi_crds::settings::FileLogSettings;
use kivi_crds::{KeyValueStoreSpec, StoreNames};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use thiserror::Error;

use super::growth::{self, Growth};
use super::ownership::{Claimant, ForeignClaim, Standing};
use super::plan::{self, Refusal};
use crate::answer::{Said, is_absent, is_refusal};
use crate::backup::origin;
use crate::dereferenced::Dereferenced;

/// Why a volume could not be brought on its way.
#[derive(Debug, Error)]
pub enum VolumeError {
    /// The API server did not answer.
    #[error("cannot change the size that volume claim {claim} asks for: {}", Said(source))]
    Request {
        /// Name of the claim.
        claim: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// A claim could not be made to say whose it is.
    #[error("cannot write down whose volume claim {claim} is: {}", Said(source))]
    Sign {
        /// Name of the claim.
        claim: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// A claim could not be made to say what its store began with.
    #[error("cannot write down what the store of volume claim {claim} began with: {}", Said(source))]
    Remember {
        /// Name of the claim.
        claim: String,
        /// What the API server said.
        source: kube::Error,
    },
    /// The StatefulSet could not be deleted.
    #[error("cannot delete StatefulSet {name} to make it anew with another size of volume: {}", Said(source))]
    Replace {
        /// Its name.
        name: String,
        /// What the API server said.
        source: kube::Error,
    },
}

impl VolumeError {
    /// What the API server said.
    pub fn cause(&self) -> &kube::Error {
        match self {
            Self::Request { source, .. }
            | Self::Sign { source, .. }
            | Self::Remember { source, .. }
            | Self::Replace { source, .. } => source,
        }
    }
}

/// What a spec says of the log's file. What is out of bounds is refused later, in a sentence.
fn sound(spec: &KeyValueStoreSpec) -> Option<&FileLogSettings> {
    spec.log.file.as_ref().filter(|_| spec.log.check().is_ok())
}

/// Makes the claims of a store ask for what its spec says, and notes in `found` what became of it.
///
/// # Errors
/// When the API server does not answer; what it refuses is a finding.
pub async fn requests(
    client: &Client,
    namespace: &str,
    store: &str,
    spec: &KeyValueStoreSpec,
    found: &mut Dereferenced,
) -> Result<(), VolumeError> {
    let Some(file) = sound(spec) else { return Ok(()) };
    let names = StoreNames::new(store);
    let api: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    sign(&api, Claimant { namespace, store }, found).await?;
    found.growth = growth::judge(&names, file, &found.claims, &found.fills);
    let grown = match &found.growth {
        Growth::To { size, after } => Some((size.clone(), after)),
        _ => None,
    };
    let wanted = grown.as_ref().map_or_else(|| growth::wanted(file, &found.claims), |(size, _)| size.clone());
    // What it grew to is written down with the request, so that neither is without the other.
    let annotations = grown.map(|(size, after)| json!({growth::GROWN: size, growth::GROWN_AFTER: after}));
    for request in plan::requests(&wanted, &found.claims) {
        let plan::Request { claim, resource_version, from, to } = request;
        let mut patch = json!({
            "metadata": {"resourceVersion": resource_version},
            "spec": {"resources": {"requests": {"storage": to}}},
        });
        if let Some(annotations) = &annotations {
            patch["metadata"]["annotations"] = annotations.clone();
        }
        tracing::info!(namespace, claim, from, to, "Changing the size that a volume claim asks for.");
        match api.patch(&claim, &PatchParams::default(), &Patch::Merge(&patch)).await {
            Ok(changed) => {
                if let Some(old) = found.claims.iter_mut().find(|old| old.name_any() == claim) {
                    *old = changed;
                }
            }
            Err(error) if is_absent(&error) => {}
            Err(error) if is_refusal(&error) => {
                let said = Said(&error).to_string();
                tracing::warn!(namespace, claim, from, to, said, "A volume claim may not change its size.");
                found.refusals.push(Refusal { claim, from, to, said });
            }
            Err(source) => return Err(VolumeError::Request { claim, source }),
        }
    }
    Ok(())
}

/// Makes the claims that are the store's say so, and sets those apart that are not.
async fn sign(
    api: &Api<PersistentVolumeClaim>,
    claimant: Claimant<'_>,
    found: &mut Dereferenced,
) -> Result<(), VolumeError> {
    for mut claim in std::mem::take(&mut found.claims) {
        match claimant.standing(&claim) {
            Standing::Own => {}
            Standing::Unsigned => {
                let name = claim.name_any();
                let patch = Patch::Merge(claimant.sign());
                match api.patch_metadata(&name, &PatchParams::default(), &patch).await {
                    Ok(signed) => claim.metadata = signed.metadata,
                    Err(error) if is_absent(&error) => continue,
                    // It is the store's all the same, and is asked again at the next look.
                    Err(error) if is_refusal(&error) => {
                        let said = Said(&error).to_string();
                        tracing::warn!(
                            claim = name,
                            said,
                            "A volume claim cannot be made to say whose it is."
                        );
                    }
                    Err(source) => return Err(VolumeError::Sign { claim: name, source }),
                }
            }
            Standing::Foreign(why) => {
                found.foreign_claims.push(ForeignClaim {
                    claim: claim.name_any(),
                    why,
                    store: claimant.signature(),
                });
                continue;
            }
        }
        found.claims.push(claim);
    }
    Ok(())
}

/// Makes the claims of a store that began with a backup, and is up, say so.
///
/// # Errors
/// When the API server does not answer; where it refuses, nothing is lost but what is written down.
pub async fn remember(
    client: &Client,
    namespace: &str,
    spec: &KeyValueStoreSpec,
    found: &mut Dereferenced,
) -> Result<(), VolumeError> {
    // Where nothing was asked of the claims, those of others are among them still.
    let (Some(bootstrap), Some(set), Some(_)) = (&spec.bootstrap, &found.stateful_set, sound(spec)) else {
        return Ok(());
    };
    let api: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), namespace);
    for (name, origin) in origin::unwritten(&bootstrap.from_backup, set, &found.claims) {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {origin::ORIGIN: origin}}}));
        match api.patch_metadata(&name, &PatchParams::default(), &patch).await {
            Ok(told) => {
                if let Some(claim) = found.claims.iter_mut().find(|claim| claim.name_any() == name) {
                    claim.metadata = told.metadata;
                }
            }
            Err(error) if is_absent(&error) => {}
            Err(error) if is_refusal(&error) => {
                let said = Said(&error).to_string();
                tracing::warn!(
                    claim = name,
                    said,
                    "A volume claim cannot be made to say what its store began with."
                );
            }
            Err(source) => return Err(VolumeError::Remember { claim: name, source }),
        }
    }
    Ok(())
}

/// Deletes a StatefulSet exactly as it was seen; pods and claims stay.
///
/// # Errors
/// When the API server does not do it, for one because the StatefulSet changed meanwhile.
pub async fn replace(client: &Client, namespace: &str, set: &StatefulSet) -> Result<(), VolumeError> {
    let name = set.name_any();
    let seen = Preconditions { resource_version: set.resource_version(), uid: set.uid() };
    let params = DeleteParams::orphan().preconditions(seen);
    tracing::info!(
        namespace,
        name,
        "Making a StatefulSet anew, with another size of volume; its pods run on."
    );
    match Api::<StatefulSet>::namespaced(client.clone(), namespace).delete(&name, &params).await {
        Ok(_) => Ok(()),
        Err(error) if is_absent(&error) => Ok(()),
        Err(source) => Err(VolumeError::Replace { name, source }),
    }
}
