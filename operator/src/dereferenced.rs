//! What a store refers to, and what of it exists already: what `dereference` fetches, and `validate` judges. Data only.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::KeyValueStoreBackup;
use kube::api::DynamicObject;

use crate::backup::model::Tools;
use crate::foreign::ForeignKind;
use crate::volumes::fill::Fill;
use crate::volumes::growth::Growth;
use crate::volumes::ownership::ForeignClaim;
use crate::volumes::plan::Refusal;

/// What a store refers to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dereferenced {
    /// The authority's Secret, made at an earlier reconcile.
    pub authority: Option<Secret>,
    /// The bundle's ConfigMap; only looked up while it may lack an authority, or be someone else's.
    pub bundle: Option<ConfigMap>,
    /// The Certificate of cert-manager, made at an earlier reconcile.
    pub certificate: Option<DynamicObject>,
    /// The leaf's Secret, made at an earlier reconcile.
    pub leaf: Option<Secret>,
    /// The token's Secret, made at an earlier reconcile.
    pub token: Option<Secret>,
    /// The Secret of `spec.tls.secretRef`.
    pub provided_certificate: Option<Secret>,
    /// The Secret of `spec.auth.tokensSecretRef`.
    pub provided_tokens: Option<Secret>,
    /// The StatefulSet, made at an earlier reconcile.
    pub stateful_set: Option<StatefulSet>,
    /// The claims of its log volumes, as they are after their requests were changed.
    pub claims: Vec<PersistentVolumeClaim>,
    /// Claims with the name of a log volume that are not the store's.
    pub foreign_claims: Vec<ForeignClaim>,
    /// How full the volume of each pod is, by ordinal; only asked where volumes grow by themselves.
    pub fills: BTreeMap<u32, Fill>,
    /// What is done about that.
    pub growth: Growth,
    /// The claims that the API server does not let ask for another size.
    pub refusals: Vec<Refusal>,
    /// What has the name of another child already. Children that every store has are only looked up while there
    /// is no StatefulSet, which is made last; those that a spec may come to ask for, always.
    pub namesakes: Vec<Namesake>,
    /// Those kinds of other projects that the store asks for and the cluster knows.
    pub foreign_kinds: Vec<ForeignKind>,
    /// The CronJob that copies its log, or someone else's of that name; only looked up where there may be one.
    pub archive: Option<CronJob>,
    /// The pods that copied its log, or copy the store; only looked up where the log is copied.
    pub copying: Vec<Pod>,
    /// The backup of `spec.bootstrap.fromBackup.name`.
    pub begins_with: Option<KeyValueStoreBackup>,
    /// The Secret with the authorities of the server of `spec.backup.destination`.
    pub bucket_authority: Option<Secret>,
    /// That of the destination of the backup that the store begins with; only looked up while there is no StatefulSet.
    pub backup_authority: Option<Secret>,
    /// Whether the claim that the store's pods mount for the backup that it began with is gone, or leaves; only looked up
    /// where its volume is filled.
    pub source_is_lost: bool,
    /// The backups of the store; only looked up where it has `spec.backup`.
    pub backups: Vec<KeyValueStoreBackup>,
    /// What copies, and reads copies back.
    pub tools: Option<Tools>,
}

/// An object with the name of a child.
#[derive(Debug, Clone, PartialEq)]
pub struct Namesake {
    /// Its kind.
    pub kind: String,
    /// Its name, its labels and its owners.
    pub metadata: ObjectMeta,
}
