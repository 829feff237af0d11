use super::*;
use crate::test_support::{children, custom_resource, secret, tools};

const READY: &str = "conditions: [{type: Ready, status: 'True', reason: Serving, message: m, lastTransitionTime: '2026-11-22T10:00:00Z'}],
  endpoint: 'https://orders.shop.svc', readyReplicas: 1";

fn backup(rest: &str) -> KeyValueStoreBackup {
    serde_yaml::from_str(&format!(
        "{{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStoreBackup, metadata: {{name: first, namespace: shop, uid: b-1}},
          spec: {{storeRef: {{name: orders}}{rest}}}}}"
    ))
    .unwrap()
}

fn store(spec: &str, status: &str) -> KeyValueStore {
    let mut store = custom_resource(spec);
    store.status = serde_yaml::from_str(&format!("{{{status}}}")).unwrap();
    store
}

fn found(spec: &str, status: &str) -> Dereferenced {
    Dereferenced { store: Some(store(spec, status)), credentials: true, ..Dereferenced::default() }
}

const TO_VOLUME: &str = "{backup: {destination: {volume: {claimName: backups}}}}";

#[test]
fn a_backup_goes_where_its_store_says_unless_it_says_itself() {
    let valid = validate(&backup(""), &found(TO_VOLUME, READY), &tools()).unwrap();
    assert_eq!(valid.copy.destination.volume.unwrap().path.as_deref(), Some("shop/orders/uid-1"));
    assert_eq!(valid.copy.source.tokens_secret, "orders-token");
    let own = backup(", destination: {s3: {bucket: backups, prefix: here}}");
    let valid = validate(&own, &found(TO_VOLUME, READY), &tools()).unwrap();
    assert_eq!(valid.copy.destination.s3.unwrap().prefix.as_deref(), Some("here"));
    assert_eq!(valid.copy.destination.volume, None);
}

#[test]
fn what_it_waits_for_and_what_it_cannot_be_made_for_are_told_apart() {
    let not_ready = READY.replace("'True'", "'False'").replace("readyReplicas: 1", "readyReplicas: 0");
    let untrusted = format!("{READY}, certificate: {{secretName: mine, notAfter: x, generation: 0}}");
    let queued = Dereferenced { ahead: Some("zeroth".to_owned()), ..found(TO_VOLUME, READY) };
    let s3 = "{backup: {destination: {s3: {bucket: backups, credentialsSecretRef: {name: keys}}}}}";
    let locked = Dereferenced { credentials: false, ..found(s3, READY) };
    let private = "{backup: {destination: {s3: {bucket: backups, caSecretRef: {name: minio}}}}}";
    let empty = Dereferenced { authority: Some(secret("minio", [])), ..found(private, READY) };
    let cases = vec![
        (Dereferenced::default(), "StoreNotFound", true, "There is no store orders"),
        (found(TO_VOLUME, ""), "StoreNotReady", true, "Store orders is not ready: it is new."),
        (found(TO_VOLUME, &not_ready), "StoreNotReady", true, "Store orders is not ready: m"),
        (
            found(TO_VOLUME, &untrusted),
            "CertificateNotTrusted",
            true,
            "What copies store orders checks its certificate as any client does, and Secret mine has no ca.crt",
        ),
        (queued, "Queued", true, "Backup zeroth of the same store"),
        (locked, "SecretNotFound", true, "There is no Secret keys"),
        (found(private, READY), "SecretNotFound", true, "caSecretRef of the destination: there is no Secret"),
        (empty, "SecretInvalid", true, "caSecretRef of the destination: Secret minio cannot be used: it has"),
        (found("{}", READY), "NoDestination", false, "Neither spec.destination nor spec.backup.destination"),
        (
            found("{backup: {destination: {}}}", READY),
            "InvalidSpec",
            false,
            "The destination must be exactly",
        ),
    ];
    for (found, reason, waits, sentence) in cases {
        let refusal = validate(&backup(""), &found, &tools()).unwrap_err();
        assert_eq!((refusal.reason(), refusal.waits()), (reason, waits));
        assert!(refusal.to_string().starts_with(sentence), "{refusal}");
    }
}

#[test]
fn its_pod_runs_where_those_of_the_store_do() {
    let spec = TO_VOLUME.replace(
        "{backup: {",
        "{pod: {nodeSelector: {disk: ssd}, serviceAccount: {name: mine}}, backup: {resources: {limits: {cpu: 1}}, ",
    );
    let placement = validate(&backup(""), &found(&spec, READY), &tools()).unwrap().copy.placement;
    assert_eq!(
        (placement.service_account.as_str(), placement.node_selector["disk"].as_str()),
        ("mine", "ssd")
    );
    assert_eq!(placement.resources.limits.unwrap()["cpu"].0, "1");
}

const BROKEN_POD: &str = "{pod: {tolerations: [{key: 1}]}, backup: {resources: {limits: {cpu: 1}}, destination: {volume: {claimName: backups}}}}";

/// A store that was built of one spec, and has another since.
fn edited(spec: &str, since: &str) -> Dereferenced {
    Dereferenced { stateful_set: Some(children(spec).2.stateful_set), ..found(since, READY) }
}

#[test]
fn where_the_spec_cannot_be_read_its_pod_runs_where_those_of_the_store_were_made_to() {
    let refusal = validate(&backup(""), &found(BROKEN_POD, READY), &tools()).unwrap_err();
    assert_eq!(refusal.reason(), "StoreNotReady");
    assert!(refusal.to_string().contains("spec.pod.tolerations[0].key"), "{refusal}");

    let pod = "pod: {nodeSelector: {disk: ssd}, tolerations: [{key: ssd}], priorityClassName: high, serviceAccount: {name: mine},
      template: {spec: {imagePullSecrets: [{name: pull}]}}}";
    let found = edited(&format!("{{{pod}}}"), BROKEN_POD);
    let made = validate(&backup(""), &found, &tools()).unwrap().copy.placement;
    let sound = BROKEN_POD.replace("pod: {tolerations: [{key: 1}]}", pod);
    assert_eq!(made, placement::read(&custom_resource(&sound)).unwrap());
}

#[test]
fn it_asks_with_the_tokens_that_the_servers_take_whatever_the_spec_names_since() {
    let since = TO_VOLUME.replace("{backup:", "{auth: {tokensSecretRef: {name: none}}, backup:");
    let tokens =
        |found: &Dereferenced| validate(&backup(""), found, &tools()).unwrap().copy.source.tokens_secret;
    assert_eq!(tokens(&edited("{}", &since)), "orders-token");
    let mut theirs = edited("{}", &since);
    theirs.stateful_set.as_mut().unwrap().metadata.owner_references = None;
    assert_eq!(tokens(&theirs), "none", "of a StatefulSet that is not the store's nothing is taken");
}

#[test]
fn the_stores_certificate_is_checked_by_what_the_store_publishes() {
    let bundle = |status: &str| {
        let found = found(TO_VOLUME, &format!("{READY}, {status}"));
        validate(&backup(""), &found, &tools()).unwrap().copy.source.ca_config_map
    };
    let published =
        "certificate: {secretName: orders-tls, caConfigMap: orders-ca, notAfter: x, generation: 1}";
    assert_eq!(bundle(published).as_deref(), Some("orders-ca"));
    assert_eq!(bundle("log: file"), None, "it speaks in the clear");
}

#[test]
fn a_store_that_serves_is_copied_whatever_is_wrong_with_its_spec() {
    let serves = READY.replace("'True'", "'False'");
    assert!(validate(&backup(""), &found(TO_VOLUME, &serves), &tools()).is_ok());
}

#[test]
fn retention_is_of_the_schedule() {
    let spec = "{backup: {destination: {volume: {claimName: backups}}, retention: {keep: 3}}}";
    let mut backup = backup("");
    assert_eq!(validate(&backup, &found(spec, READY), &tools()).unwrap().retention, None);
    backup.annotations_mut().insert(labels::SCHEDULED_AT.to_owned(), "2026-11-27T02:00:00Z".to_owned());
    let retention = validate(&backup, &found(spec, READY), &tools()).unwrap().retention;
    assert_eq!(retention.unwrap().keep, Some(3));
}
