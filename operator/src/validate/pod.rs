//! Parses the parts of a Pod that the CRD carries without their schema.

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kivi_crds::settings::{Resources, SidecarSettings};
use kivi_crds::{Opaque, Pod};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ValidationError;
use crate::model::PodOptions;

/// What the pods look like.
pub(super) fn options(pod: &Pod, sidecar: &SidecarSettings) -> Result<PodOptions, ValidationError> {
    Ok(PodOptions {
        server_resources: resources(&pod.resources),
        sidecar_resources: resources(&sidecar.resources),
        node_selector: pod.node_selector.clone(),
        tolerations: each("tolerations", &pod.tolerations)?,
        affinity: pod.affinity.as_ref().map(|opaque| parse("affinity".to_owned(), opaque)).transpose()?,
        topology_spread_constraints: each("topologySpreadConstraints", &pod.topology_spread_constraints)?,
        priority_class_name: pod.priority_class_name.clone(),
        labels: pod.labels.clone(),
        annotations: pod.annotations.clone(),
    })
}

fn each<T: DeserializeOwned>(field: &str, opaques: &[Opaque]) -> Result<Vec<T>, ValidationError> {
    opaques.iter().enumerate().map(|(index, opaque)| parse(format!("{field}[{index}]"), opaque)).collect()
}

fn parse<T: DeserializeOwned>(field: String, opaque: &Opaque) -> Result<T, ValidationError> {
    serde_path_to_error::deserialize(Value::Object(opaque.0.clone())).map_err(|error| {
        let path = error.path().to_string();
        ValidationError::Pod {
            field: if path == "." { field } else { format!("{field}.{path}") },
            reason: error.into_inner().to_string(),
        }
    })
}

fn resources(resources: &Resources) -> ResourceRequirements {
    let amounts = |amounts: &std::collections::BTreeMap<String, kivi_crds::settings::Amount>| {
        (!amounts.is_empty()).then(|| {
            amounts.iter().map(|(name, amount)| (name.clone(), Quantity(amount.0.clone()))).collect()
        })
    };
    ResourceRequirements {
        limits: amounts(&resources.limits),
        requests: amounts(&resources.requests),
        ..ResourceRequirements::default()
    }
}
