use k8s_openapi::api::core::v1::Secret;

use super::*;
use crate::dereference::Namesake;
use crate::model::PodOptions;
use crate::test_support::{children, issued, now, secret, store, validated};

#[test]
fn the_smallest_spec_is_a_store() {
    let store = store("{}");
    assert_eq!(store.replicas, 1);
    assert_eq!(store.endpoint(), "https://orders.shop.svc");
    assert_eq!(store.release.server_image, "reg/server:1");
    assert_eq!(store.volume.template_size, "1Gi");
    assert_eq!(store.pod, PodOptions::default());
    assert!(matches!(store.certificate, Certificate::Managed(_)));
}

#[test]
fn each_error_names_its_field_and_the_way_out() {
    for (spec, reason, sentence) in [
        ("{version: 9.9.9}", "VersionNotSupported", "spec.version: 9.9.9 is not in"),
        ("{replicas: 2}", "InvalidSpec", "spec.replicas: 2 servers need a shared log"),
        ("{log: {}}", "InvalidSpec", "spec.log: name one kind of log"),
        ("{limits: {keyBytes: 0}}", "InvalidSpec", "spec.limits.keyBytes: 0 is out of bounds"),
        (
            "{limits: {keyBytes: 4096, requestHeadBytes: 8Ki}}",
            "InvalidSpec",
            "spec.limits.requestHeadBytes: 8Ki is out of bounds: each byte of a key",
        ),
        (
            "{limits: {connections: 100, watchers: 100}}",
            "InvalidSpec",
            "spec.limits.watchers: 100 is out of bounds: each watch takes a connection",
        ),
        ("{tls: {disabled: {}, secretRef: {name: mine}}}", "InvalidSpec", "spec.tls: name at most one"),
        (
            "{tls: {managed: {duration: 1h, renewBefore: 1h}}}",
            "InvalidSpec",
            "spec.tls.managed.renewBefore: it must be shorter than duration",
        ),
        (
            "{pod: {affinity: {nodeAffinity: 5}}}",
            "InvalidSpec",
            "spec.pod.affinity.nodeAffinity: invalid type",
        ),
        (
            "{pod: {tolerations: [{}, {tolerationSeconds: soon}]}}",
            "InvalidSpec",
            "spec.pod.tolerations[1].tolerationSeconds: invalid type",
        ),
        (
            "{pod: {affinity: {podAffinty: {}}}}",
            "InvalidSpec",
            "spec.pod.affinity.podAffinty: Kubernetes knows no such field",
        ),
        (
            "{networkPolicy: {enabled: true, from: [{namespaceSelector: {}, podSelecter: {}}]}}",
            "InvalidSpec",
            "spec.networkPolicy.from[0].podSelecter: Kubernetes knows no such field",
        ),
        (
            "{networkPolicy: {monitoringFrom: [{ipBlock: {cidr: 5}}]}}",
            "InvalidSpec",
            "spec.networkPolicy.monitoringFrom[0].ipBlock.cidr: invalid type",
        ),
        ("{tls: {secretRef: {name: mine}}}", "SecretNotFound", "spec.tls.secretRef: there is no Secret mine"),
        (
            "{auth: {tokensSecretRef: {name: mine}}}",
            "SecretNotFound",
            "spec.auth.tokensSecretRef: there is no Secret mine",
        ),
    ] {
        let error = validated(spec, &Dereferenced::default()).unwrap_err();
        assert_eq!(error.reason(), reason, "{spec}");
        assert!(error.to_string().starts_with(sentence), "{spec}: {error}");
        assert_eq!(error.concerns_certificate(), spec.contains("tls: {secretRef"), "{spec}");
    }
}

#[test]
fn a_users_certificate_is_read_before_it_is_served() {
    let pair = issued();
    let (crt, key) = (pair.leaf.certificate.as_str(), pair.leaf.key.as_str());
    let ca_key = pair.authority.key.as_str();
    let with =
        |secret: Secret| Dereferenced { provided_certificate: Some(secret), ..Dereferenced::default() };
    let spec = "{tls: {secretRef: {name: mine}}}";
    let valid = validated(spec, &with(secret("mine", [("tls.crt", crt), ("tls.key", key)]))).unwrap();
    assert_eq!(
        valid.certificate,
        Certificate::Provided { secret: "mine".to_owned(), not_after: pair.not_after }
    );
    for (secret, reason) in [
        (secret("mine", [("tls.crt", crt)]), "needs tls.crt and tls.key"),
        (secret("mine", [("tls.crt", "x"), ("tls.key", key)]), "tls.crt is not a PEM certificate"),
        (secret("mine", [("tls.crt", crt), ("tls.key", "x")]), "tls.key is not a PEM private key"),
        (secret("mine", [("tls.crt", crt), ("tls.key", ca_key)]), "tls.key is not the key of tls.crt"),
    ] {
        let error = validated(spec, &with(secret)).unwrap_err();
        assert_eq!(error.reason(), "SecretInvalid");
        assert!(error.to_string().contains(reason), "{error}");
    }
    let late = now() + jiff::SignedDuration::from_hours(3000);
    let found = with(secret("mine", [("tls.crt", crt), ("tls.key", key)]));
    let store = crate::test_support::custom_resource(spec);
    let error = validate(&store, &found, &crate::test_support::catalog(), late).unwrap_err();
    assert!(error.to_string().contains("its certificate ended at 2027-02-20"), "{error}");
}

#[test]
fn a_users_tokens_are_all_usable() {
    let spec = "{auth: {tokensSecretRef: {name: mine}}}";
    let with = |secret: Secret| Dereferenced { provided_tokens: Some(secret), ..Dereferenced::default() };
    let valid = validated(spec, &with(secret("mine", [("old", "a"), ("new", "b\n")]))).unwrap();
    assert_eq!(valid.tokens_secret(), "mine");
    for secret in [secret("mine", []), secret("mine", [("old", "a"), ("new", " \n")])] {
        assert_eq!(validated(spec, &with(secret)).unwrap_err().reason(), "SecretInvalid");
    }
}

#[test]
fn what_the_store_made_is_read_back_and_kept() {
    let (_, material, children) = children("{}");
    let found = Dereferenced {
        authority: children.authority_secret,
        leaf: children.certificate_secret,
        token: children.token_secret,
        ..Dereferenced::default()
    };
    let again = validated("{}", &found).unwrap();
    assert_eq!(crate::material::ensure(&again, now()).unwrap(), material);
}

#[test]
fn what_is_someone_elses_is_never_overwritten() {
    let namesake = |owner: &str| {
        let metadata = format!(
            "{{name: orders, labels: {{app.kubernetes.io/managed-by: kivi-operator, app.kubernetes.io/instance: orders}},
              ownerReferences: [{{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStore, name: orders, uid: {owner}}}]}}"
        );
        let metadata = serde_yaml::from_str(&metadata).unwrap();
        let namesakes = vec![Namesake { kind: "Service".to_owned(), metadata }];
        Dereferenced { namesakes, ..Dereferenced::default() }
    };
    assert!(validated("{}", &namesake("uid-1")).is_ok());
    let set = k8s_openapi::api::apps::v1::StatefulSet {
        metadata: secret("orders", []).metadata,
        ..k8s_openapi::api::apps::v1::StatefulSet::default()
    };
    let refused = |found: Dereferenced| {
        let error = validated("{}", &found).unwrap_err();
        assert_eq!(error.reason(), "NameTaken");
        assert!(error.must_be_tried_again());
        assert!(error.to_string().contains(" orders"), "{error}");
    };
    refused(namesake("uid-0"));
    refused(Dereferenced { stateful_set: Some(set), ..Dereferenced::default() });
    refused(Dereferenced { authority: Some(secret("orders-ca", [])), ..Dereferenced::default() });
    refused(Dereferenced { leaf: Some(secret("orders-tls", [])), ..Dereferenced::default() });
    refused(Dereferenced { token: Some(secret("orders-token", [])), ..Dereferenced::default() });
}

#[test]
fn what_an_earlier_store_of_the_name_left_without_an_owner_is_taken_up_again() {
    let (_, material, children) = children("{}");
    let mut found = Dereferenced {
        authority: children.authority_secret,
        leaf: children.certificate_secret,
        token: children.token_secret,
        stateful_set: Some(children.stateful_set),
        namesakes: vec![Namesake { kind: "Service".to_owned(), metadata: children.service.metadata }],
        ..Dereferenced::default()
    };
    let secrets = [&mut found.authority, &mut found.leaf, &mut found.token];
    for metadata in secrets
        .into_iter()
        .flatten()
        .map(|secret| &mut secret.metadata)
        .chain(found.stateful_set.as_mut().map(|set| &mut set.metadata))
        .chain(found.namesakes.iter_mut().map(|other| &mut other.metadata))
    {
        metadata.owner_references = None;
    }
    let store = validated("{}", &found).unwrap();
    assert_eq!(crate::material::ensure(&store, now()).unwrap(), material);
    // Another store's are not.
    let labels = found.namesakes[0].metadata.labels.as_mut().unwrap();
    labels.insert("app.kubernetes.io/instance".to_owned(), "other".to_owned());
    assert_eq!(validated("{}", &found).unwrap_err().reason(), "NameTaken");
}

#[test]
fn a_claim_template_keeps_its_size() {
    let (_, _, children) = children("{}");
    let found = Dereferenced { stateful_set: Some(children.stateful_set), ..Dereferenced::default() };
    let grown = validated("{log: {file: {size: 2Gi}}}", &found).unwrap();
    assert_eq!((grown.volume.template_size.as_str(), grown.volume.wanted_size.as_str()), ("1Gi", "2Gi"));
}
