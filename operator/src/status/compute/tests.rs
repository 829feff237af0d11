use k8s_openapi::api::apps::v1::StatefulSetStatus;
use kivi_crds::{VolumePhase, VolumeStatus};

use super::*;
use crate::backup::policy::Times;
use crate::status::seen::Complaint;
use crate::status::{changes, conditions};
use crate::test_support::{children, now};

/// What there is of a store with this spec: pods that exist, are ready, and have the current template.
fn seen(spec: &str, (existing, ready, updated): (i32, i32, i32), phases: &[VolumePhase]) -> Seen {
    let mut set = children(spec).2.stateful_set;
    set.metadata.generation = Some(2);
    set.status = Some(StatefulSetStatus {
        observed_generation: Some(2),
        replicas: existing,
        ready_replicas: Some(ready),
        updated_replicas: Some(updated),
        ..StatefulSetStatus::default()
    });
    let pod = |ordinal: i32| {
        let ready = if ordinal < ready { "True" } else { "False" };
        let yaml = format!(
            "{{metadata: {{name: orders-{ordinal}, labels: {{app.kubernetes.io/version: 0.0.9}}}}, status: {{conditions: [{{type: Ready, status: '{ready}'}}]}}}}"
        );
        serde_yaml::from_str(&yaml).unwrap()
    };
    let volume = |(ordinal, phase): (usize, &VolumePhase)| VolumeStatus {
        name: format!("log-orders-{ordinal}"),
        phase: *phase,
        requested: Some("1Gi".to_owned()),
        actual: Some("1Gi".to_owned()),
        resize: None,
    };
    Seen {
        stateful_set: Some(set),
        pods: (0..existing).map(pod).collect(),
        volumes: phases.iter().enumerate().map(volume).collect(),
        ..Seen::default()
    }
}

/// A sound store, at rest.
fn serving_well() -> Seen {
    seen("{}", (1, 1, 1), &[VolumePhase::Bound])
}

/// The status of a store with this spec of which there is this.
fn of(spec: &str, seen: &Seen, previous: Option<&KeyValueStoreStatus>) -> KeyValueStoreStatus {
    let (store, material, _) = children(spec);
    serving(&store, &material, seen, None, previous, now())
}

fn observed(
    spec: &str,
    pods: (i32, i32, i32),
    phases: &[VolumePhase],
    previous: Option<&KeyValueStoreStatus>,
) -> KeyValueStoreStatus {
    of(spec, &seen(spec, pods, phases), previous)
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
        ("{}", (1, 1, 0), &[Bound], ("False", "RollingOut"), "True", "False", ("True", "VolumesBound")),
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
        assert_eq!(status.conditions.len(), ConditionType::ALL.len() - 1, "{case}");
        assert!(status.conditions.iter().all(|c| c.observed_generation == Some(3)), "{case}");
    }
}

#[test]
fn a_store_that_is_being_stopped_says_so() {
    let stopping = observed("{stopped: true}", (1, 1, 1), &[VolumePhase::Bound], None);
    let told = conditions::find(&stopping.conditions, ConditionType::Progressing).unwrap();
    assert_eq!((told.status.as_str(), told.reason.as_str()), ("True", "Stopping"));
    assert_eq!(told.message, "The servers are being stopped.");
    let stopped = observed("{stopped: true}", (0, 0, 0), &[VolumePhase::Bound], Some(&stopping));
    assert_eq!(said(&stopped, ConditionType::Progressing), ("False", "Settled"));
}

#[test]
fn a_container_with_little_memory_serves_with_a_warning() {
    let status =
        observed("{pod: {resources: {limits: {memory: 64Mi}}}}", (1, 1, 1), &[VolumePhase::Bound], None);
    assert_eq!(said(&status, ConditionType::Ready), ("True", "Serving"));
    assert_eq!(said(&status, ConditionType::Degraded), ("False", "AsExpected"));
    assert_eq!(said(&status, ConditionType::ConfigurationWarning), ("True", "MemoryLimitLow"));
    let warning = conditions::find(&status.conditions, ConditionType::ConfigurationWarning).unwrap();
    let told = "spec.pod.resources.limits.memory is 64Mi, and a server with ";
    assert!(warning.message.starts_with(told), "{}", warning.message);
    let first: Vec<String> = changes(None, &status).into_iter().map(|change| change.reason).collect();
    assert_eq!(first, ["Serving", "MemoryLimitLow", "CertificateIssued"]);

    let spec = "{monitoring: {serviceMonitor: true}, pod: {resources: {limits: {memory: 64Mi}}}}";
    let both = observed(spec, (1, 1, 1), &[VolumePhase::Bound], Some(&status));
    let warning = conditions::find(&both.conditions, ConditionType::ConfigurationWarning).unwrap();
    assert!(
        warning.message.contains(" spec.monitoring.serviceMonitor has no effect: "),
        "{}",
        warning.message
    );
    let healed = observed("{}", (1, 1, 1), &[VolumePhase::Bound], Some(&both));
    assert_eq!(said(&healed, ConditionType::ConfigurationWarning), ("False", "AsExpected"));
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
    let runs = seen("{}", (1, 0, 1), &[VolumePhase::Bound]);
    let status = invalid(Some(&before), 4, &error, None, &StoreNames::new("orders"), &runs, now());
    assert_eq!(said(&status, ConditionType::Ready), ("False", "SecretNotFound"));
    assert_eq!(said(&status, ConditionType::CertificateReady), ("False", "SecretNotFound"));
    assert_eq!(said(&status, ConditionType::StorageReady), ("True", "VolumesBound"));
    assert_eq!((status.observed_generation, &status.endpoint), (Some(4), &before.endpoint));
    assert_eq!(status.ready_replicas, Some(0), "what runs is still told");
    let told = changes(Some(&before), &status);
    assert_eq!(told.len(), 1);
    assert!(told[0].warning && told[0].note.contains("no Secret mine"), "{told:?}");

    let healed = observed("{}", (1, 1, 1), &[VolumePhase::Bound], Some(&status));
    assert_eq!(said(&healed, ConditionType::CertificateReady), ("True", "Issued"));
    assert_eq!(changes(Some(&status), &healed)[0].reason, "Serving");
}

#[test]
fn a_refused_child_costs_readiness_only_where_it_is_of_a_new_spec() {
    let before = observed("{}", (1, 1, 1), &[VolumePhase::Bound], None);
    let names = StoreNames::new("orders");
    let failed =
        |previous, generation, seen: &Seen| failed(previous, generation, "no", None, &names, seen, now());
    let status = failed(Some(&before), 3, &serving_well());
    assert_eq!(said(&status, ConditionType::Degraded), ("True", "ApplyFailed"));
    assert_eq!(said(&status, ConditionType::Ready), ("True", "Serving"));
    let newer = failed(Some(&before), 4, &serving_well());
    assert_eq!(said(&newer, ConditionType::Ready), ("False", "ApplyFailed"));
    let ready = conditions::find(&newer.conditions, ConditionType::Ready).unwrap();
    assert_eq!(ready.message, "1 of 1 servers ready. no");

    let down = failed(Some(&status), 3, &seen("{}", (1, 0, 1), &[VolumePhase::Bound]));
    assert_eq!(said(&down, ConditionType::Ready), ("False", "ApplyFailed"));
    assert_eq!(down.ready_replicas, Some(0));
    let first = failed(None, 4, &Seen::default());
    assert_eq!(said(&first, ConditionType::Ready), ("False", "ApplyFailed"));
}

#[test]
fn a_paused_store_says_so_and_still_tells_what_runs() {
    let before = observed("{}", (1, 1, 1), &[VolumePhase::Bound], None);
    let status = paused(Some(&before), 4, &serving_well(), now());
    assert_eq!(said(&status, ConditionType::ReconciliationPaused), ("True", "Paused"));
    assert_eq!(said(&status, ConditionType::Ready), ("True", "Serving"));
    assert!(status.conditions.iter().take(2).all(|c| c.observed_generation == Some(4)), "{status:?}");
    let told: Vec<String> = changes(Some(&before), &status).into_iter().map(|change| change.reason).collect();
    assert_eq!(told, ["Paused"]);

    let down = paused(Some(&status), 4, &seen("{}", (1, 0, 1), &[VolumePhase::Bound]), now());
    assert_eq!(said(&down, ConditionType::Ready), ("False", "ServersNotReady"));
    assert_eq!(down.ready_replicas, Some(0));
    assert_eq!(said(&paused(None, 1, &Seen::default(), now()), ConditionType::Ready), ("False", "Paused"));
}

#[test]
fn a_store_that_is_stopped_and_paused_tells_what_runs() {
    let stopped = observed("{stopped: true}", (0, 0, 0), &[VolumePhase::Bound], None);
    let paused_after =
        paused(Some(&stopped), 4, &seen("{stopped: true}", (0, 0, 0), &[VolumePhase::Bound]), now());
    assert_eq!(said(&paused_after, ConditionType::Ready), ("False", "Stopped"));
    assert_eq!(said(&paused_after, ConditionType::Progressing), ("False", "Paused"));
    // Stopped only after it was paused: its pods run on, and are told of.
    let running = observed("{}", (1, 1, 1), &[VolumePhase::Bound], None);
    let paused_before = paused(Some(&running), 4, &serving_well(), now());
    assert_eq!(said(&paused_before, ConditionType::Ready), ("True", "Serving"));
}

#[test]
fn a_new_authority_is_told_while_clients_are_to_load_it() {
    let (store, mut material, _) = children("{}");
    let before = serving(&store, &material, &serving_well(), None, None, now());
    let authorities = &mut material.certificate.as_mut().unwrap().authorities;
    authorities.next = Some(crate::pki::Next {
        pair: authorities.active.clone(),
        since: now(),
        issues_at: now() + jiff::SignedDuration::from_hours(24),
    });
    let rolling = serving(&store, &material, &serving_well(), None, Some(&before), now());
    assert_eq!(said(&rolling, ConditionType::CertificateReady), ("True", "AuthorityRolling"));
    let told = changes(Some(&before), &rolling);
    assert_eq!(told.len(), 1);
    assert!(!told[0].warning && told[0].note.contains("from 2026-11-23T10:00:00Z"), "{told:?}");
    let issued = serving(&store, &children("{}").1, &serving_well(), None, Some(&rolling), now());
    assert_eq!(changes(Some(&rolling), &issued), []);
}

#[test]
fn a_pod_that_leaves_serves_nobody() {
    let mut leaving = serving_well();
    leaving.pods[0].metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()));
    let status = of("{}", &leaving, None);
    assert_eq!(said(&status, ConditionType::Ready), ("False", "ServersNotReady"));
    assert_eq!(status.ready_replicas, Some(0));
}

#[test]
fn what_keeps_a_pod_from_being_made_is_told_and_calls_a_human() {
    let mut missing = seen("{}", (0, 0, 0), &[VolumePhase::Bound]);
    missing.complaint = Some(Complaint { claim: None, note: "exceeded quota".to_owned() });
    let status = of("{}", &missing, None);
    for (type_, holds) in [("Ready", "False"), ("Progressing", "True"), ("Degraded", "True")] {
        let condition = status.conditions.iter().find(|condition| condition.type_ == type_).unwrap();
        assert_eq!((condition.status.as_str(), condition.reason.as_str()), (holds, "PodNotCreated"));
        assert!(condition.message.contains("exceeded quota"), "{condition:?}");
    }

    let mut pending = seen("{}", (1, 0, 1), &[VolumePhase::Pending]);
    pending.complaint =
        Some(Complaint { claim: Some("log-orders-0".to_owned()), note: "no class \"fast\"".to_owned() });
    let status = of("{}", &pending, None);
    assert_eq!(said(&status, ConditionType::Degraded), ("True", "VolumeNotProvisioned"));
    let storage = conditions::find(&status.conditions, ConditionType::StorageReady).unwrap();
    assert_eq!(storage.message, "Volume claim log-orders-0 waits for a volume: no class \"fast\".");
}

#[test]
fn a_users_certificate_is_told_of_while_there_is_time() {
    use crate::dereferenced::Dereferenced;
    use crate::test_support::{issued, secret, validated};
    let pair = issued();
    let with = |ca: &str| {
        let values =
            [("tls.crt", pair.leaf.certificate.as_str()), ("tls.key", &pair.leaf.key), ("ca.crt", ca)];
        let found =
            Dereferenced { provided_certificate: Some(secret("mine", values)), ..Dereferenced::default() };
        validated("{tls: {secretRef: {name: mine}}}", &found).unwrap()
    };
    let (_, mut material, _) = children("{}");
    material.certificate = None;
    let store = with(&pair.authorities.active.certificate);
    let at = |previous, hours: i64| {
        let now = now() + jiff::SignedDuration::from_hours(hours);
        serving(&store, &material, &serving_well(), None, previous, now)
    };
    let early = at(None, 75 * 24);
    assert_eq!(said(&early, ConditionType::CertificateReady), ("True", "Provided"));
    let certificate = early.certificate.clone().unwrap();
    assert_eq!(certificate.ca_config_map.as_deref(), Some("orders-ca"));
    let late = at(Some(&early), 77 * 24);
    assert_eq!(said(&late, ConditionType::CertificateReady), ("True", "EndsSoon"));
    let told = changes(Some(&early), &late);
    assert!(told.len() == 1 && told[0].warning, "{told:?}");
    assert!(told[0].note.ends_with("But it ends at 2027-02-20T10:00:00Z: renew it."), "{told:?}");

    let foreign = with(&issued().authorities.active.certificate);
    let status = serving(&foreign, &material, &serving_well(), None, None, now());
    assert_eq!(said(&status, ConditionType::CertificateReady), ("True", "NotTrusted"));
}

#[test]
fn what_cert_manager_says_is_told() {
    use crate::dereferenced::Dereferenced;
    use crate::test_support::validated;
    let certificate = "{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {name: orders, ownerReferences: [{apiVersion: a, kind: b, name: c, uid: uid-1}]},
        status: {conditions: [{type: Ready, status: 'False', message: 'no such issuer.'}]}}";
    let found = Dereferenced {
        foreign_kinds: vec![crate::foreign::ForeignKind::Certificate],
        certificate: Some(serde_yaml::from_str(certificate).unwrap()),
        ..Dereferenced::default()
    };
    let store = validated("{tls: {issuerRef: {name: ca}}}", &found).unwrap();
    let material = crate::material::ensure(&store, now()).unwrap();
    let status = serving(&store, &material, &serving_well(), None, None, now());
    assert_eq!(said(&status, ConditionType::CertificateReady), ("False", "Issuing"));
    let condition = conditions::find(&status.conditions, ConditionType::CertificateReady).unwrap();
    assert!(
        condition.message.contains("cert-manager says of Certificate orders: no such issuer; "),
        "{condition:?}"
    );
    assert_eq!(status.certificate, None);
}

#[test]
fn the_version_is_that_of_the_servers_that_serve_and_stays_until_another_does() {
    let first = observed("{}", (1, 1, 1), &[VolumePhase::Bound], None);
    assert_eq!(first.version.as_deref(), Some("0.0.9"), "not the one that the spec asks for");
    let mut upgraded = seen("{}", (1, 0, 1), &[VolumePhase::Bound]);
    upgraded.pods[0].metadata.labels = Some(labels::child("orders", "0.2.0"));
    assert_eq!(of("{}", &upgraded, None).version, None);
    assert_eq!(of("{}", &upgraded, Some(&first)).version.as_deref(), Some("0.0.9"));
    assert_eq!(paused(Some(&first), 1, &upgraded, now()).version.as_deref(), Some("0.0.9"));
    upgraded.pods[0].status = serving_well().pods[0].status.clone();
    assert_eq!(of("{}", &upgraded, Some(&first)).version.as_deref(), Some("0.2.0"));
}

#[test]
fn a_store_of_a_version_that_left_the_catalog_serves_and_somebody_is_told() {
    let (mut store, material, _) = children("{}");
    store.release.offered = false;
    let status = serving(&store, &material, &serving_well(), None, None, now());
    assert_eq!(said(&status, ConditionType::Ready), ("True", "Serving"));
    assert_eq!(said(&status, ConditionType::Degraded), ("True", "VersionNotSupported"));
}

#[test]
fn a_store_that_waits_for_its_turn_serves_and_says_for_what_it_waits() {
    let (store, material, _) = children("{}");
    let wait = Wait::Full { most: 1 };
    let status = serving(&store, &material, &serving_well(), Some(&wait), None, now());
    assert_eq!(said(&status, ConditionType::Ready), ("True", "Serving"));
    assert_eq!(said(&status, ConditionType::Progressing), ("True", "RolloutQueued"));
}

#[test]
fn a_store_whose_new_spec_is_held_up_is_not_ready_and_one_whose_operator_is_serves() {
    let (store, material, _) = children("{}");
    for (asked, ready) in [(true, ("False", "RolloutHeld")), (false, ("True", "Serving"))] {
        let wait = Wait::Volume { claim: "log-orders-0".to_owned(), asked };
        let status = serving(&store, &material, &serving_well(), Some(&wait), None, now());
        assert_eq!(said(&status, ConditionType::Ready), ready);
        assert_eq!(said(&status, ConditionType::Progressing), ("True", "RolloutHeld"));
    }
}

/// A schedule whose last backup was due in the night of [`now`].
fn nightly() -> Policy {
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let times = Times {
        since: at("2026-11-01T10:00:00Z"),
        last: Some(at("2026-11-22T02:00:00Z")),
        due: None,
        next: Some(at("2026-11-23T02:00:00Z")),
    };
    Policy { times: Some(times), archive: None, flaw: None, copy: None, distrust: None }
}

type Copies<'a> = Option<&'a Result<Option<Policy>, ValidationError>>;
type Way<'a> = dyn Fn(&KeyValueStoreStatus, Copies<'_>) -> KeyValueStoreStatus + 'a;

#[test]
fn what_becomes_of_the_backups_is_told_also_of_a_store_that_cannot_be_built_or_not_applied() {
    let error = ValidationError::SecretNotFound { field: "spec.tls.secretRef", name: "mine".to_owned() };
    let names = StoreNames::new("orders");
    let before = observed("{}", (1, 1, 1), &[VolumePhase::Bound], None);
    let invalid = |before: &KeyValueStoreStatus, copies: Copies<'_>| {
        invalid(Some(before), 4, &error, copies, &names, &serving_well(), now())
    };
    let failed = |before: &KeyValueStoreStatus, copies: Copies<'_>| {
        failed(Some(before), 4, "no", copies, &names, &serving_well(), now())
    };
    let ways: [&Way<'_>; 2] = [&invalid, &failed];
    for told in ways {
        let late = told(&before, Some(&Ok(Some(nightly()))));
        assert_eq!(said(&late, ConditionType::BackupReady), ("False", "BackupMissing"));
        assert_eq!(said(&late, ConditionType::Ready).0, "False");
        let kept = late.backup.clone().unwrap().last_schedule_time;
        assert_eq!(kept.as_deref(), Some("2026-11-22T02:00:00Z"), "never two for one time");
        let wrong = ValidationError::Destination { field: "spec.backup.destination" };
        let wrong = told(&before, Some(&Err(wrong)));
        assert_eq!(said(&wrong, ConditionType::BackupReady), ("False", "InvalidSpec"));
        // What could not be made is due still.
        let stands = told(&late, None);
        assert_eq!(said(&stands, ConditionType::BackupReady), ("False", "BackupMissing"));
        assert_eq!(stands.backup, late.backup);
        let gone = told(&late, Some(&Ok(None)));
        assert_eq!(conditions::find(&gone.conditions, ConditionType::BackupReady), None);
        assert_eq!(gone.backup, late.backup, "until the CronJob of the earlier spec is removed");
    }
}

#[test]
fn that_a_certificate_is_not_trusted_stands_while_a_spec_cannot_be_built() {
    let error = ValidationError::SecretNotFound { field: "spec.tls.secretRef", name: "mine".to_owned() };
    let names = StoreNames::new("orders");
    let told = |before: &KeyValueStoreStatus, policy: Policy| {
        invalid(Some(before), 4, &error, Some(&Ok(Some(policy))), &names, &serving_well(), now())
    };
    let why = Policy { distrust: Some("Secret mine has no ca.crt".to_owned()), ..nightly() };
    let first = told(&observed("{}", (1, 1, 1), &[VolumePhase::Bound], None), why);
    let again = told(&first, nightly());
    let condition = |status: &KeyValueStoreStatus| {
        conditions::find(&status.conditions, ConditionType::BackupReady).cloned().unwrap()
    };
    assert_eq!(condition(&first).reason, "CertificateNotTrusted");
    assert_eq!(condition(&again), condition(&first));
}
