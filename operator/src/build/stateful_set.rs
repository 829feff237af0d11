//! The StatefulSet: pods with a name and a volume each.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy,
    StatefulSetSpec, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, PodTemplateSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kivi_crds::{LOG_VOLUME, RetentionPolicy};

use super::{digest, metadata, pod};
use crate::model::Store;
use crate::volumes::plan::Template;

/// Annotation of the StatefulSet: the hash of its pod template. By it an operator knows whether it would roll pods.
pub(crate) const TEMPLATE: &str = "kivi.dev/template-hash";
/// Annotation of the StatefulSet: the generation of the store that it was made of. By it an operator knows whether a user
/// asked for another template, or its own release or catalog brings one about.
pub(crate) const GENERATION: &str = "kivi.dev/store-generation";
/// Annotation of the StatefulSet: its template waited for its turn.
pub(crate) const QUEUED: &str = "kivi.dev/rollout-queued";

pub(crate) fn build(store: &Store) -> StatefulSet {
    let (template, hash) = template(store);
    let mut metadata = metadata::child(store, store.names.store());
    metadata.annotations = Some(BTreeMap::from([
        (TEMPLATE.to_owned(), hash),
        (GENERATION.to_owned(), store.generation.to_string()),
    ]));
    StatefulSet {
        metadata,
        spec: Some(StatefulSetSpec {
            replicas: Some(store.replicas),
            service_name: Some(store.names.pods_service()),
            selector: LabelSelector { match_labels: Some(store.selector()), ..LabelSelector::default() },
            // A pod that cannot become ready must not keep its repaired template from being rolled out.
            pod_management_policy: Some("Parallel".to_owned()),
            revision_history_limit: Some(3),
            update_strategy: Some(every_pod()),
            persistent_volume_claim_retention_policy: Some(retention(store)),
            template,
            volume_claim_templates: Some(vec![claim(store)]),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}

/// The template of the pods and its hash. What they need no more goes with the next change of it, and is none by itself.
fn template(store: &Store) -> (PodTemplateSpec, String) {
    let hashed = |store: &Store| {
        let template = pod::template(store);
        let hash = digest::of(serde_json::to_value(&template).unwrap_or_default());
        (template, hash)
    };
    let (template, hash) = hashed(store);
    match store.restore.as_ref().and_then(|restore| restore.in_place(&hash)) {
        Some(restore) => hashed(&Store { restore: Some(restore), ..store.clone() }),
        None => (template, hash),
    }
}

/// What the API server writes where nothing is said: said so that an edit, which would keep pods from their new template for
/// good, is put back.
fn every_pod() -> StatefulSetUpdateStrategy {
    StatefulSetUpdateStrategy {
        type_: Some("RollingUpdate".to_owned()),
        rolling_update: Some(RollingUpdateStatefulSetStrategy {
            partition: Some(0),
            ..RollingUpdateStatefulSetStrategy::default()
        }),
    }
}

fn retention(store: &Store) -> StatefulSetPersistentVolumeClaimRetentionPolicy {
    // Also while the StatefulSet waits to be replaced, or it would take its claims back.
    if matches!(store.volume.template, Template::Release | Template::Replace) {
        let retain = || Some(RetentionPolicy::Retain.as_str().to_owned());
        return StatefulSetPersistentVolumeClaimRetentionPolicy {
            when_deleted: retain(),
            when_scaled: retain(),
        };
    }
    // To stop a store is to scale it to nothing, and that must not cost its data.
    let when_scaled = if store.stopped { RetentionPolicy::Retain } else { store.retention.when_scaled };
    StatefulSetPersistentVolumeClaimRetentionPolicy {
        when_deleted: Some(store.retention.when_deleted.as_str().to_owned()),
        when_scaled: Some(when_scaled.as_str().to_owned()),
    }
}

/// Nothing in a claim template can ever change, so its labels hold no version.
fn claim(store: &Store) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(LOG_VOLUME.to_owned()),
            labels: Some(store.selector()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: store.volume.storage_class.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some(BTreeMap::from([(
                    "storage".to_owned(),
                    Quantity(store.volume.template_size.clone()),
                )])),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}
