//! What the pods look like, parsed.

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kivi_crds::Pod;
use kivi_crds::settings::{Resources, SidecarSettings};

use super::error::ValidationError;
use super::opaque::{each, parse};
use super::template;
use crate::model::PodOptions;

/// What the pods look like.
pub(super) fn options(pod: &Pod, sidecar: &SidecarSettings) -> Result<PodOptions, ValidationError> {
    if pod.service_account.name.is_some() && !pod.service_account.annotations.is_empty() {
        return Err(ValidationError::Field {
            field: "pod.serviceAccount.annotations".to_owned(),
            reason: "with name, the ServiceAccount is yours: write them on it".to_owned(),
        });
    }
    Ok(PodOptions {
        server_resources: resources(&pod.resources),
        sidecar_resources: resources(&sidecar.resources),
        node_selector: pod.node_selector.clone(),
        tolerations: each("pod.tolerations", &pod.tolerations)?,
        affinity: pod.affinity.as_ref().map(|opaque| parse("pod.affinity", opaque)).transpose()?,
        topology_spread_constraints: each("pod.topologySpreadConstraints", &pod.topology_spread_constraints)?,
        priority_class_name: pod.priority_class_name.clone(),
        service_account: pod.service_account.name.clone(),
        service_account_annotations: pod.service_account.annotations.clone(),
        template: template::overlay(pod.template.as_ref(), sidecar.enabled)?,
        labels: pod.labels.clone(),
        annotations: pod.annotations.clone(),
    })
}

pub(super) fn resources(resources: &Resources) -> ResourceRequirements {
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
