//! Where pods run.

use k8s_openapi::api::core::v1::PodSpec;

use super::replicated;
use crate::build::build;
use crate::test_support::children;

fn pod(spec: &str) -> PodSpec {
    let (store, material, _) = children(spec);
    build(&replicated(store), &material).stateful_set.spec.unwrap().template.spec.unwrap()
}

#[test]
fn several_servers_keep_apart_as_far_as_the_cluster_can() {
    let pod = pod("{}");
    let spread = pod.topology_spread_constraints.unwrap();
    let rules: Vec<(&str, i32, &str)> = spread
        .iter()
        .map(|rule| (rule.topology_key.as_str(), rule.max_skew, rule.when_unsatisfiable.as_str()))
        .collect();
    assert_eq!(
        rules,
        [
            ("topology.kubernetes.io/zone", 1, "ScheduleAnyway"),
            ("kubernetes.io/hostname", 1, "ScheduleAnyway")
        ]
    );
    let apart = pod.affinity.unwrap().pod_anti_affinity.unwrap();
    assert_eq!(apart.required_during_scheduling_ignored_during_execution, None);
    let term = apart.preferred_during_scheduling_ignored_during_execution.unwrap().remove(0);
    let selected = term.pod_affinity_term.label_selector.unwrap().match_labels.unwrap();
    assert_eq!(selected["app.kubernetes.io/instance"], "orders");
    assert_eq!(spread[0].label_selector.clone().unwrap().match_labels.unwrap(), selected);
}

#[test]
fn what_the_user_writes_replaces_each_default() {
    let own = pod("{pod: {affinity: {}}}");
    assert_eq!(own.affinity.unwrap().pod_anti_affinity, None);
    assert_eq!(own.topology_spread_constraints.unwrap().len(), 2);
    let own = pod(
        "{pod: {topologySpreadConstraints: [{maxSkew: 2, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}]}}",
    );
    let spread = own.topology_spread_constraints.unwrap();
    assert_eq!((spread.len(), spread[0].topology_key.as_str()), (1, "rack"));
    assert!(own.affinity.unwrap().pod_anti_affinity.is_some());
}

#[test]
fn a_service_account_of_the_users_takes_the_place_of_the_stores() {
    let (_, _, own) = children("{pod: {serviceAccount: {annotations: {role: a}}}}");
    assert_eq!(own.service_account.unwrap().metadata.annotations.unwrap()["role"], "a");
    let (_, _, named) = children("{pod: {serviceAccount: {name: mine}}}");
    assert_eq!(named.service_account, None);
    let pod = named.stateful_set.spec.unwrap().template.spec.unwrap();
    assert_eq!(
        (pod.service_account_name.as_deref(), pod.automount_service_account_token),
        (Some("mine"), Some(false))
    );
}
