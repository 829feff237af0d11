//! The PodDisruptionBudget: a node that is drained takes one server at a time. A single server has none, or no node
//! could be drained while it runs there.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata;
use crate::model::Store;

pub(super) fn build(store: &Store) -> Option<PodDisruptionBudget> {
    store.is_replicated().then(|| PodDisruptionBudget {
        metadata: metadata::child(store, store.names.store()),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(store.selector()),
                ..LabelSelector::default()
            }),
            // A server that does not get ready anyway must not keep its node.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    })
}
