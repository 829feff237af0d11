//! Where the pods run that copy a store, and as whom: as its own do. A store on nodes of its own is copied there; who
//! may pull its image may pull that of the copying.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ResourceRequirements;
use kivi_crds::{Backup, KeyValueStore};
use kube::ResourceExt as _;

use super::error::ValidationError;
use super::pod;
use crate::backup::model::Placement;
use crate::model::PodOptions;

/// Reads it out of a store that was not validated now.
///
/// # Errors
/// Names the field that says something else than a Pod may.
pub(crate) fn read(store: &KeyValueStore) -> Result<Placement, ValidationError> {
    let spec = &store.spec;
    Ok(of(&store.name_any(), &pod::options(&spec.pod, &spec.sidecar)?, spec.backup.as_ref()))
}

/// That of the pods that a StatefulSet has, of a store whose spec cannot be read.
pub(crate) fn as_made(store: &KeyValueStore, set: &StatefulSet) -> Placement {
    let name = store.name_any();
    let made = set.spec.as_ref().and_then(|spec| spec.template.spec.clone()).unwrap_or_default();
    Placement {
        service_account: made.service_account_name.unwrap_or(name),
        image_pull_secrets: made.image_pull_secrets.unwrap_or_default(),
        node_selector: made.node_selector.unwrap_or_default(),
        tolerations: made.tolerations.unwrap_or_default(),
        node_affinity: made.affinity.and_then(|affinity| affinity.node_affinity),
        priority_class_name: made.priority_class_name,
        resources: own_resources(store.spec.backup.as_ref()),
    }
}

fn own_resources(backup: Option<&Backup>) -> ResourceRequirements {
    backup.map(|backup| pod::resources(&backup.resources)).unwrap_or_default()
}

/// That of a store whose pods look so. What keeps its servers apart, and spreads them, is of the servers.
pub(super) fn of(store: &str, pod: &PodOptions, backup: Option<&Backup>) -> Placement {
    let laid_over = pod.template.as_ref().and_then(|template| template.spec.as_ref());
    Placement {
        service_account: pod.service_account.clone().unwrap_or_else(|| store.to_owned()),
        image_pull_secrets: laid_over.and_then(|spec| spec.image_pull_secrets.clone()).unwrap_or_default(),
        node_selector: pod.node_selector.clone(),
        tolerations: pod.tolerations.clone(),
        node_affinity: pod.affinity.as_ref().and_then(|affinity| affinity.node_affinity.clone()),
        priority_class_name: pod.priority_class_name.clone(),
        resources: own_resources(backup),
    }
}
