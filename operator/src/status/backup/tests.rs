use serde_json::json;

use super::*;
use crate::backup::policy::Times;
use crate::dereferenced::Dereferenced;
use crate::material::ensure;
use crate::test_support::{catalog, custom_resource, issued, now, secret, tools};
use crate::validate::validate;

const SPEC: &str = "{backup: {schedule: 0 2 * * *, destination: {volume: {claimName: backups}}}}";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A scheduled backup of a day; `end` is the condition that came true, if one did.
fn backup(day: &str, end: &str) -> KeyValueStoreBackup {
    let holds = |type_: &str| if type_ == end { "True" } else { "False" };
    let time = format!("2026-11-{day}T02:00:07Z");
    let condition = |type_: &str| json!({"type": type_, "status": holds(type_), "reason": "r", "message": "no bucket.", "lastTransitionTime": time});
    let made = end == "Complete";
    serde_json::from_value(json!({
        "apiVersion": "kivi.dev/v1alpha1", "kind": "KeyValueStoreBackup",
        "metadata": {"name": format!("orders-at-202611{day}-0200"), "namespace": "shop",
            "annotations": {"kivi.dev/scheduled-at": format!("2026-11-{day}T02:00:00Z")}},
        "spec": {"storeRef": {"name": "orders"}},
        "status": {"conditions": [condition("Complete"), condition("Failed")],
            "revision": made.then_some(7), "finishedAt": made.then_some(time.clone())},
    }))
    .unwrap()
}

/// The condition and the status of a store whose schedule was first seen on the 20th.
fn told(
    spec: &str,
    last: Option<&str>,
    seen: &Seen,
    now: &str,
) -> (Option<Condition>, Option<StoreBackupStatus>) {
    told_with(spec, &Dereferenced::default(), last, seen, now)
}

/// The same of a store that refers to something.
fn told_with(
    spec: &str,
    found: &Dereferenced,
    last: Option<&str>,
    seen: &Seen,
    now: &str,
) -> (Option<Condition>, Option<StoreBackupStatus>) {
    let before = KeyValueStoreStatus {
        backup: Some(StoreBackupStatus {
            since: Some("2026-11-20T10:00:00Z".to_owned()),
            last_schedule_time: last.map(str::to_owned),
            ..StoreBackupStatus::default()
        }),
        ..KeyValueStoreStatus::default()
    };
    let mut resource = custom_resource(spec);
    resource.status = Some(before.clone());
    let found = Dereferenced { tools: Some(tools()), backups: seen.backups.clone(), ..found.clone() };
    let store = validate(&resource, &found, &catalog(), "cluster.local", at(now)).unwrap();
    let (conditions, status) = set(
        store.backup.as_ref(),
        &store.names,
        seen,
        Some(&before),
        at(now),
        Conditions::new(&[], 1, at(now)),
    );
    (conditions.finish().into_iter().next(), status)
}

fn with(backups: Vec<KeyValueStoreBackup>) -> Seen {
    Seen { backups, ..Seen::default() }
}

#[test]
fn a_store_tells_of_its_last_backup() {
    let morning = "2026-11-23T05:00:00Z";
    let last = Some("2026-11-23T02:00:00Z");
    for (backups, expected) in [
        (vec![], ("False", "NoBackupYet", "The first backup is yet to be made.")),
        (vec![backup("23", "")], ("False", "NoBackupYet", "The first backup is yet to be made.")),
        (
            vec![backup("22", "Failed"), backup("23", "Complete")],
            ("True", "BackedUp", "Backup orders-at-20261123-0200 holds revision 7."),
        ),
        (
            vec![backup("22", "Complete"), backup("23", "Failed")],
            ("False", "BackupFailed", "Backup orders-at-20261123-0200 failed: no bucket."),
        ),
        // One that is on its way changes nothing yet.
        (
            vec![backup("22", "Complete"), backup("23", "")],
            ("True", "BackedUp", "Backup orders-at-20261122-0200 holds revision 7."),
        ),
    ] {
        let condition = told(SPEC, last, &with(backups), morning).0.unwrap();
        assert_eq!(
            (condition.status.as_str(), condition.reason.as_str(), condition.message.as_str()),
            expected
        );
        assert_eq!(condition.type_, "BackupReady");
    }
}

#[test]
fn that_a_bucket_cannot_be_trusted_is_told_before_a_backup_fails_by_it() {
    let spec = SPEC.replace("volume: {claimName: backups}", "s3: {bucket: b, caSecretRef: {name: minio}}");
    let seen = with(vec![backup("23", "Complete")]);
    let condition = told(&spec, Some("2026-11-23T02:00:00Z"), &seen, "2026-11-23T05:00:00Z").0.unwrap();
    assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("False", "SecretNotFound"));
    assert!(
        condition
            .message
            .starts_with("spec.backup.destination.s3.caSecretRef: there is no Secret minio with the"),
        "{}",
        condition.message
    );
}

#[test]
fn a_backup_by_hand_makes_up_for_one_that_failed() {
    let mut by_hand = backup("23", "Complete");
    by_hand.metadata.annotations = None;
    by_hand.metadata.name = Some("mine".to_owned());
    by_hand.status.as_mut().unwrap().finished_at = Some("2026-11-23T09:00:00Z".to_owned());
    let seen = with(vec![backup("23", "Failed"), by_hand]);
    let condition = told(SPEC, Some("2026-11-23T02:00:00Z"), &seen, "2026-11-23T09:01:00Z").0.unwrap();
    assert_eq!(condition.message, "Backup mine holds revision 7.");
}

#[test]
fn one_that_is_late_is_told_and_one_that_rests_is_not() {
    let (last, noon) = (Some("2026-11-23T02:00:00Z"), "2026-11-23T12:00:00Z");
    let yesterday = || backup("22", "Complete");
    let condition = told(SPEC, last, &with(vec![yesterday()]), noon).0.unwrap();
    assert_eq!(condition.reason, "BackupMissing");
    assert_eq!(condition.message, "The backup that was due at 2026-11-23T02:00:00Z is not there.");
    let condition = told(SPEC, last, &with(vec![yesterday(), backup("23", "")]), noon).0.unwrap();
    assert_eq!(
        condition.message,
        "Backup orders-at-20261123-0200, due at 2026-11-23T02:00:00Z, is not complete: no bucket."
    );
    let rests = SPEC.replace("schedule:", "suspend: true, schedule:");
    let condition = told(&rests, last, &with(vec![yesterday()]), noon).0.unwrap();
    assert_eq!(condition.reason, "BackedUp");
}

#[test]
fn what_was_complete_stays_known_when_its_resource_is_gone_and_nothing_is_said_without_a_schedule() {
    let (_, status) = told(SPEC, None, &with(vec![backup("22", "Complete")]), "2026-11-22T03:00:00Z");
    let known = status.unwrap();
    let success = LastBackup {
        name: "orders-at-20261122-0200".to_owned(),
        revision: 7,
        finished_at: "2026-11-22T02:00:07Z".to_owned(),
    };
    assert_eq!(known.last_successful, Some(success.clone()));
    let now = at("2026-11-23T03:00:00Z");
    assert_eq!(last_successful(&Seen::default(), Some(&known), now), Some(success));
    assert_eq!(told("{}", None, &Seen::default(), "2026-11-22T03:00:00Z"), (None, None));
}

#[test]
fn what_a_clock_that_was_ahead_dated_hides_nothing() {
    let (last, morning) = (Some("2026-11-23T02:00:00Z"), "2026-11-23T05:00:00Z");
    let seen = with(vec![backup("22", "Complete"), backup("23", "Failed"), backup("30", "Complete")]);
    let (condition, status) = told(SPEC, last, &seen, morning);
    assert_eq!(condition.unwrap().message, "Backup orders-at-20261123-0200 failed: no bucket.");
    assert_eq!(status.unwrap().last_successful.unwrap().name, "orders-at-20261122-0200");
    // It is a backup all the same.
    let (condition, _) = told(SPEC, None, &with(vec![backup("30", "Complete")]), morning);
    assert_eq!(condition.unwrap().reason, "BackedUp");
}

#[test]
fn a_log_that_is_not_copied_is_told_after_three_turns() {
    let spec = "{backup: {pointInTime: {}, destination: {volume: {claimName: backups}}}}";
    let seen = |backups: Vec<KeyValueStoreBackup>| Seen {
        archive: serde_json::from_value(json!({"metadata": {"creationTimestamp": "2026-11-20T10:00:00Z"},
            "status": {"lastSuccessfulTime": "2026-11-22T10:00:00Z"}}))
        .unwrap(),
        ..with(backups)
    };
    // Without a backup, there is nothing that a log could be added to.
    let condition = told(spec, None, &seen(vec![]), "2026-11-22T10:00:01Z").0.unwrap();
    assert_eq!(condition.reason, "NoBackupYet");
    for (now, reason) in [("2026-11-22T10:19:59Z", "LogCopied"), ("2026-11-22T10:20:00Z", "LogNotCopied")] {
        let condition = told(spec, None, &seen(vec![backup("22", "Complete")]), now).0.unwrap();
        assert_eq!(condition.reason, reason);
    }
}

#[test]
fn a_log_whose_cron_job_waits_for_the_spec_is_not_said_to_be_copied() {
    let spec = "{backup: {pointInTime: {}, destination: {volume: {claimName: backups}}}}";
    for (archive, reason) in [
        (json!({"spec": {"suspend": true}}), "LogNotCopied"),
        (json!(null), "LogNotCopied"),
        (json!({"spec": {"suspend": false}}), "LogCopied"),
    ] {
        let archive = serde_json::from_value(archive).unwrap();
        let seen = Seen { archive, ..with(vec![backup("22", "Complete")]) };
        let condition = told(spec, None, &seen, "2026-11-22T02:05:00Z").0.unwrap();
        assert_eq!(condition.reason, reason);
        let waits = condition.message.ends_with("waits until the store's spec is in force.");
        assert_eq!(waits, reason == "LogNotCopied", "{}", condition.message);
    }
}

#[test]
fn the_next_look_is_at_the_next_time_or_when_something_is_late() {
    let now = at("2026-11-23T05:00:00Z");
    let times = Times {
        since: at("2026-11-20T10:00:00Z"),
        last: Some(at("2026-11-23T02:00:00Z")),
        due: None,
        next: Some(at("2026-11-24T02:00:00Z")),
    };
    let policy = Policy { times: Some(times), archive: None, flaw: None, copy: None, distrust: None };
    assert_eq!(look_again(&policy, &Seen::default(), now), Some(at("2026-11-23T05:30:00Z")));
    let later = at("2026-11-23T06:00:00Z");
    assert_eq!(look_again(&policy, &Seen::default(), later), Some(at("2026-11-24T02:00:00Z")));
}

#[test]
fn that_no_backup_can_check_the_stores_certificate_is_told_before_one_fails_by_it() {
    let spec = SPEC.replace("{backup", "{tls: {secretRef: {name: mine}}, backup");
    let seen = with(vec![backup("23", "Complete")]);
    let told = |secret| {
        let found = Dereferenced { provided_certificate: Some(secret), ..Dereferenced::default() };
        told_with(&spec, &found, Some("2026-11-23T02:00:00Z"), &seen, "2026-11-23T05:00:00Z").0.unwrap()
    };
    let own = issued();
    let pair = [("tls.crt", own.leaf.certificate.as_str()), ("tls.key", own.leaf.key.as_str())];
    let bare = told(secret("mine", pair));
    assert_eq!((bare.status.as_str(), bare.reason.as_str()), ("False", "CertificateNotTrusted"));
    assert_eq!(
        bare.message,
        "What copies the store checks its certificate as any client does, and Secret mine has no ca.crt to check it by: add one."
    );
    let authority = ("ca.crt", own.authorities.active.certificate.as_str());
    assert_eq!(told(secret("mine", [pair[0], pair[1], authority])).reason, "BackedUp");

    let mut other = custom_resource("{}");
    other.metadata.name = Some("other".to_owned());
    let other = validate(&other, &Dereferenced::default(), &catalog(), "cluster.local", now()).unwrap();
    let other = ensure(&other, now()).unwrap().certificate.unwrap();
    let theirs = told(secret(
        "mine",
        [
            ("tls.crt", other.leaf.certificate.as_str()),
            ("tls.key", other.leaf.key.as_str()),
            ("ca.crt", other.authorities.active.certificate.as_str()),
        ],
    ));
    assert_eq!(theirs.reason, "CertificateNotTrusted");
    assert!(
        theirs.message.ends_with("that of Secret mine will not do: it does not name orders.shop.svc."),
        "{}",
        theirs.message
    );
}

#[test]
fn a_gap_of_the_copied_log_is_told_until_a_later_backup_though_what_found_it_is_gone() {
    let spec = "{backup: {pointInTime: {}, destination: {volume: {claimName: backups}}}}";
    let seen = |day: &str, report: Option<&str>| {
        Seen {
        archive: serde_json::from_value(json!({"status": {"lastSuccessfulTime": "2026-11-22T10:04:00Z"}})).unwrap(),
        copying: report
            .map(|report| json!({"status": {"containerStatuses": [{"name": "archive", "image": "i", "imageID": "", "ready": false,
                "restartCount": 0, "state": {"terminated": {"exitCode": 0, "finishedAt": "2026-11-22T10:00:00Z", "message": report}}}]}}))
            .map(|pod| serde_json::from_value(pod).unwrap())
            .into_iter()
            .collect(),
        ..with(vec![backup(day, "Complete")])
    }
    };
    let now = at("2026-11-22T10:05:00Z");
    let tell = |before: Option<StoreBackupStatus>, seen: &Seen| {
        let mut resource = custom_resource(spec);
        let before = KeyValueStoreStatus { backup: before, ..KeyValueStoreStatus::default() };
        resource.status = Some(before.clone());
        let found =
            Dereferenced { tools: Some(tools()), backups: seen.backups.clone(), ..Dereferenced::default() };
        let store = validate(&resource, &found, &catalog(), "cluster.local", now).unwrap();
        let conditions = Conditions::new(&[], 1, now);
        let (conditions, status) =
            set(store.backup.as_ref(), &store.names, seen, Some(&before), now, conditions);
        (conditions.finish().remove(0), status)
    };
    let (condition, status) = tell(None, &seen("22", Some(r#"{"gapBehind": 500}"#)));
    assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("False", "LogGap"));
    assert!(
        condition.message.starts_with("What was written behind revision 500 was compacted"),
        "{}",
        condition.message
    );
    // The next copy has nothing to tell of, or tells of the same again.
    for report in [None, Some(r#"{"gapBehind": null}"#), Some(r#"{"gapBehind": 500}"#)] {
        assert_eq!(tell(status.clone(), &seen("22", report)), (condition.clone(), status.clone()));
    }
    // A backup that came later.
    let mut later = seen("22", Some(r#"{"gapBehind": 500}"#));
    later.backups[0].status.as_mut().unwrap().finished_at = Some("2026-11-22T10:03:00Z".to_owned());
    let (condition, status) = tell(status, &later);
    assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("True", "LogCopied"));
    let (condition, _) = tell(status, &later);
    assert_eq!(condition.reason, "LogCopied");
}
