use super::*;
use crate::dereferenced::Dereferenced;
use crate::test_support::validated;

fn begins_with(status: &str) -> Dereferenced {
    let yaml = format!(
        "{{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStoreBackup, metadata: {{name: first, namespace: shop}},
          spec: {{storeRef: {{name: old}}}}, status: {status}}}"
    );
    Dereferenced { begins_with: Some(serde_yaml::from_str(&yaml).unwrap()), ..Dereferenced::default() }
}

fn complete(holds: &str) -> String {
    format!(
        "{{destination: {{volume: {{claimName: backups, path: shop/old/u}}}}, conditions: [{{type: Complete, status: '{holds}',
          reason: r, message: It is being made., lastTransitionTime: '2026-11-22T10:00:00Z'}}]}}"
    )
}

const BY_NAME: &str = "{bootstrap: {fromBackup: {name: first, atRevision: latest}}}";

#[test]
fn a_store_begins_with_a_backup_by_its_name_where_its_status_says_it_is() {
    let store = validated(BY_NAME, &begins_with(&complete("True"))).unwrap();
    let Some(Restore::From { destination, backup, at_revision, .. }) = store.restore else {
        panic!("the store has no volume yet")
    };
    assert_eq!(destination.volume.unwrap().path.as_deref(), Some("shop/old/u"));
    assert_eq!((backup.as_str(), at_revision.as_deref()), ("first", Some("latest")));
}

#[test]
fn each_error_names_its_field_and_the_way_out() {
    let none = Dereferenced::default();
    for (spec, found, reason, sentence) in [
        (
            "{backup: {schedule: 0 25 * * *, destination: {volume: {claimName: b}}}}",
            &none,
            "InvalidSpec",
            "spec.backup: `0 25 * * *` is no schedule",
        ),
        (
            "{backup: {schedule: 0 2 * * *}}",
            &none,
            "InvalidSpec",
            "spec.backup.destination: name exactly one",
        ),
        ("{backup: {destination: {}}}", &none, "InvalidSpec", "spec.backup.destination: name exactly one"),
        (
            "{bootstrap: {fromBackup: {}}}",
            &none,
            "InvalidSpec",
            "spec.bootstrap.fromBackup: name exactly one",
        ),
        (
            BY_NAME,
            &none,
            "BackupNotReady",
            "spec.bootstrap.fromBackup.name: KeyValueStoreBackup first cannot be restored: there is none",
        ),
        (
            "{bootstrap: {fromBackup: {destination: {s3: {bucket: b, prefix: p, caSecretRef: {name: minio}}}}}}",
            &none,
            "SecretNotFound",
            "spec.bootstrap.fromBackup.destination.s3.caSecretRef: there is no Secret minio with the authorities",
        ),
        (
            BY_NAME,
            &begins_with(&complete("True").replace(
                "volume: {claimName: backups, path: shop/old/u}",
                "s3: {bucket: b, prefix: p, caSecretRef: {name: minio}}",
            )),
            "BackupNotReady",
            "spec.bootstrap.fromBackup.name: KeyValueStoreBackup first cannot be restored: there is no Secret minio",
        ),
        (
            BY_NAME,
            &begins_with(&complete("False")),
            "BackupNotReady",
            "spec.bootstrap.fromBackup.name: KeyValueStoreBackup first cannot be restored: it is not complete: It is being made.",
        ),
    ] {
        let error = validated(spec, found).unwrap_err();
        assert_eq!(error.reason(), reason, "{spec}");
        assert!(error.to_string().starts_with(sentence), "{spec}: {error}");
        assert_eq!(error.must_be_tried_again(), reason == "BackupNotReady");
    }
}

#[test]
fn a_cron_job_of_someone_else_is_neither_taken_over_nor_removed() {
    let theirs = serde_yaml::from_str("{metadata: {name: orders-archive, namespace: shop}}").unwrap();
    let found = Dereferenced { archive: Some(theirs), ..Dereferenced::default() };
    let spec = "{backup: {pointInTime: {}, destination: {volume: {claimName: b}}}}";
    assert_eq!(validated(spec, &found).unwrap_err().reason(), "NameTaken");
    assert!(!validated("{}", &found).unwrap().superseded_archive);
}
