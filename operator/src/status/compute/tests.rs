use k8s_openapi::api::apps::v1::StatefulSetStatus;

use super::*;
use crate::build::Children;
use crate::status::{changes, conditions};
use crate::test_support::{children, now};

/// A store with this spec whose StatefulSet the cluster sees like this.
fn observed(
    spec: &str,
    (existing, ready, updated): (i32, i32, i32),
    phases: &[VolumePhase],
    previous: Option<&KeyValueStoreStatus>,
) -> KeyValueStoreStatus {
    let (store, material, prepared) = children(spec);
    let mut applied = Children::<Applied> {
        service_account: prepared.service_account,
        authority_secret: prepared.authority_secret,
        certificate_secret: prepared.certificate_secret,
        token_secret: prepared.token_secret,
        trust_config_map: prepared.trust_config_map,
        config_map: prepared.config_map,
        pods_service: prepared.pods_service,
        service: prepared.service,
        service_monitor: prepared.service_monitor,
        stateful_set: prepared.stateful_set,
        state: std::marker::PhantomData,
    };
    applied.stateful_set.metadata.generation = Some(2);
    applied.stateful_set.status = Some(StatefulSetStatus {
        observed_generation: Some(2),
        replicas: existing,
        ready_replicas: Some(ready),
        updated_replicas: Some(updated),
        ..StatefulSetStatus::default()
    });
    let volumes = phases
        .iter()
        .enumerate()
        .map(|(ordinal, phase)| VolumeStatus {
            name: format!("log-orders-{ordinal}"),
            phase: *phase,
            requested: Some("1Gi".to_owned()),
            actual: None,
        })
        .collect();
    serving(&store, &material, &applied, volumes, previous, now())
}

fn said(status: &KeyValueStoreStatus, type_: ConditionType) -> (&str, &str) {
    let condition = conditions::find(&status.conditions, type_).unwrap();
    (condition.status.as_str(), condition.reason.as_str())
}

#[test]
fn conditions_follow_pods_and_volumes() {
    use ConditionType::{Degraded, Progressing, Ready, StorageReady};
    use VolumePhase::{Bound, Lost, Pending};
    type Row = (
        &'static str,
        (i32, i32, i32),
        &'static [VolumePhase],
        (&'static str, &'static str),
        &'static str,
        &'static str,
        (&'static str, &'static str),
    );
    let table: [Row; 7] = [
        ("{}", (0, 0, 0), &[], ("False", "ServersNotReady"), "True", "False", ("False", "VolumePending")),
        (
            "{}",
            (1, 0, 1),
            &[Pending],
            ("False", "ServersNotReady"),
            "True",
            "False",
            ("False", "VolumePending"),
        ),
        ("{}", (1, 1, 1), &[Bound], ("True", "Serving"), "False", "False", ("True", "VolumesBound")),
        ("{}", (1, 1, 0), &[Bound], ("True", "RollingOut"), "True", "False", ("True", "VolumesBound")),
        ("{}", (1, 0, 1), &[Lost], ("False", "ServersNotReady"), "True", "True", ("False", "VolumeLost")),
        (
            "{stopped: true}",
            (0, 0, 0),
            &[Bound],
            ("False", "Stopped"),
            "False",
            "False",
            ("True", "VolumesBound"),
        ),
        (
            "{stopped: true}",
            (1, 1, 1),
            &[Bound],
            ("False", "Stopped"),
            "True",
            "False",
            ("True", "VolumesBound"),
        ),
    ];
    for (spec, pods, phases, ready, progressing, degraded, storage) in table {
        let status = observed(spec, pods, phases, None);
        let case = format!("{spec} {pods:?} {phases:?}");
        assert_eq!(said(&status, Ready), ready, "{case}");
        assert_eq!(said(&status, Progressing).0, progressing, "{case}");
        assert_eq!(said(&status, Degraded).0, degraded, "{case}");
        assert_eq!(said(&status, StorageReady), storage, "{case}");
        assert_eq!(status.conditions.len(), 6, "{case}");
        assert!(status.conditions.iter().all(|c| c.observed_generation == Some(3)), "{case}");
    }
}

#[test]
fn the_status_tells_how_to_reach_and_to_scale_the_store() {
    let status = observed("{}", (1, 1, 1), &[VolumePhase::Bound], None);
    assert_eq!(status.endpoint.as_deref(), Some("https://orders.shop.svc"));
    assert_eq!((status.replicas, status.ready_replicas), (Some(1), Some(1)));
    assert!(status.selector.unwrap().contains("app.kubernetes.io/instance=orders"));
    let certificate = status.certificate.unwrap();
    assert_eq!((certificate.secret_name.as_str(), certificate.generation), ("orders-tls", 1));
    assert_eq!(certificate.not_after, "2027-02-20T10:00:00Z");
    assert_eq!(observed("{tls: {disabled: {}}}", (1, 1, 1), &[], None).certificate, None);
}

#[test]
fn at_rest_the_status_does_not_change_and_nothing_is_told() {
    let first = observed("{}", (1, 1, 1), &[VolumePhase::Bound], None);
    let again = observed("{}", (1, 1, 1), &[VolumePhase::Bound], Some(&first));
    assert_eq!(again, first);
    assert_eq!(changes(Some(&first), &again), []);
    // What was written reads back equal, or each reconcile would write.
    let read: KeyValueStoreStatus = serde_json::from_value(serde_json::to_value(&first).unwrap()).unwrap();
    assert_eq!(read, first);
}

#[test]
fn a_store_that_cannot_be_built_says_why_and_keeps_the_rest() {
    let before = observed("{}", (1, 1, 1), &[VolumePhase::Bound], None);
    let error = ValidationError::SecretNotFound { field: "spec.tls.secretRef", name: "mine".to_owned() };
    let status = invalid(Some(&before), 4, &error, now());
    assert_eq!(said(&status, ConditionType::Ready), ("False", "SecretNotFound"));
    assert_eq!(said(&status, ConditionType::CertificateReady), ("False", "SecretNotFound"));
    assert_eq!(said(&status, ConditionType::StorageReady), ("True", "VolumesBound"));
    assert_eq!((status.observed_generation, &status.endpoint), (Some(4), &before.endpoint));
    let told = changes(Some(&before), &status);
    assert_eq!(told.len(), 1);
    assert!(told[0].warning && told[0].note.contains("no Secret mine"), "{told:?}");

    let healed = observed("{}", (1, 1, 1), &[VolumePhase::Bound], Some(&status));
    assert_eq!(said(&healed, ConditionType::CertificateReady), ("True", "Issued"));
    assert_eq!(changes(Some(&status), &healed)[0].reason, "Serving");
}

#[test]
fn a_refused_child_degrades_but_says_nothing_of_what_serves() {
    let before = observed("{}", (1, 1, 1), &[VolumePhase::Bound], None);
    let status = failed(Some(&before), 4, "no", now());
    assert_eq!(said(&status, ConditionType::Degraded), ("True", "ApplyFailed"));
    assert_eq!(said(&status, ConditionType::Ready), ("True", "Serving"));
    assert_eq!(said(&failed(None, 4, "no", now()), ConditionType::Ready), ("False", "ApplyFailed"));
}

#[test]
fn a_paused_store_says_so_and_nothing_else_changes() {
    let before = observed("{}", (1, 1, 1), &[VolumePhase::Bound], None);
    let status = paused(Some(&before), 4, now());
    assert_eq!(said(&status, ConditionType::ReconciliationPaused), ("True", "Paused"));
    assert_eq!(said(&status, ConditionType::Ready), ("True", "Serving"));
    let told: Vec<String> = changes(Some(&before), &status).into_iter().map(|change| change.reason).collect();
    assert_eq!(told, ["Paused"]);
}
