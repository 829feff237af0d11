//! Where pods run by default: the servers of a store with several on different nodes and in different zones, as far as
//! the cluster can. A single server has no such rules. What the user writes replaces each default.

use k8s_openapi::api::core::v1::{
    Affinity, PodAffinityTerm, PodAntiAffinity, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use crate::model::Store;

const HOST: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// Neighbours: another node than those that run a server of this store.
pub(super) fn affinity(store: &Store) -> Option<Affinity> {
    let apart = || Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![WeightedPodAffinityTerm {
                weight: 100,
                pod_affinity_term: PodAffinityTerm {
                    label_selector: Some(servers(store)),
                    topology_key: HOST.to_owned(),
                    ..PodAffinityTerm::default()
                },
            }]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    };
    store.pod.affinity.clone().or_else(|| store.is_replicated().then(apart))
}

/// As many servers in one zone, and on one node, as in any other.
pub(super) fn spread(store: &Store) -> Option<Vec<TopologySpreadConstraint>> {
    let over = |topology: &str| TopologySpreadConstraint {
        max_skew: 1,
        topology_key: topology.to_owned(),
        // A server in a crowded zone is better than none.
        when_unsatisfiable: "ScheduleAnyway".to_owned(),
        label_selector: Some(servers(store)),
        ..TopologySpreadConstraint::default()
    };
    let own = &store.pod.topology_spread_constraints;
    if !own.is_empty() {
        return Some(own.clone());
    }
    store.is_replicated().then(|| [ZONE, HOST].map(over).to_vec())
}

fn servers(store: &Store) -> LabelSelector {
    LabelSelector { match_labels: Some(store.selector()), ..LabelSelector::default() }
}
