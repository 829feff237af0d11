use k8s_openapi::api::core::v1::Secret;

use super::*;
use crate::dereferenced::Namesake;
use crate::foreign::ForeignKind;
use crate::model::{Certificate, PodOptions};
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
            "{tls: {managed: {duration: 2h, renewBefore: 2h}}}",
            "InvalidSpec",
            "spec.tls: renewBefore: write a duration from 60s to 7199s",
        ),
        (
            "{tls: {managed: {authorityDuration: 4367h}}}",
            "InvalidSpec",
            "spec.tls: authorityDuration: write a duration from 15724800s to 315360000s",
        ),
        (
            "{tls: {managed: {dnsNames: [kv.example.com, '*.com']}}}",
            "InvalidSpec",
            "spec.tls: dnsNames: \"*.com\" is no DNS name",
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
        ("{service: {nodePort: 30443}}", "InvalidSpec", "spec.service.nodePort: it needs type NodePort or"),
        (
            "{service: {type: NodePort, loadBalancerSourceRanges: [10.0.0.0/8]}}",
            "InvalidSpec",
            "spec.service.loadBalancerSourceRanges: it needs type LoadBalancer",
        ),
        (
            "{pod: {serviceAccount: {name: mine, annotations: {a: b}}}}",
            "InvalidSpec",
            "spec.pod.serviceAccount.annotations: with name, the ServiceAccount is yours",
        ),
        (
            "{tls: {issuerRef: {name: ca}}}",
            "CertManagerNotFound",
            "spec.tls.issuerRef: the cluster does not know cert-manager's",
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
        let certificate = spec.contains("tls: {secretRef") || spec.contains("issuerRef");
        assert_eq!(error.concerns_certificate(), certificate, "{spec}");
    }
}

#[test]
fn a_users_certificate_is_read_before_it_is_served() {
    let pair = issued();
    let (crt, key) = (pair.leaf.certificate.as_str(), pair.leaf.key.as_str());
    let ca_key = pair.authorities.active.key.as_str();
    let with =
        |secret: Secret| Dereferenced { provided_certificate: Some(secret), ..Dereferenced::default() };
    let spec = "{tls: {secretRef: {name: mine}}}";
    let valid = validated(spec, &with(secret("mine", [("tls.crt", crt), ("tls.key", key)]))).unwrap();
    let Certificate::Provided { secret: name, served } = valid.certificate else {
        panic!("the certificate is the user's");
    };
    assert_eq!((name.as_str(), served.not_after, served.bundle), ("mine", pair.not_after, None));
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
    let error = validate(&store, &found, &crate::test_support::catalog(), "cluster.local", late).unwrap_err();
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
fn an_authority_on_its_way_is_read_back_with_what_is_to_be_remembered() {
    let (_, _, first) = children("{}");
    let mut store = crate::test_support::custom_resource("{}");
    store.metadata.annotations =
        Some([("kivi.dev/roll-authority".to_owned(), "leaver".to_owned())].into_iter().collect());
    let reconcile = |found: &Dereferenced, now| {
        let store = validate(&store, found, &crate::test_support::catalog(), "cluster.local", now).unwrap();
        let material = crate::material::ensure(&store, now).unwrap();
        let children = crate::build::build(&store, &material);
        let found = Dereferenced {
            authority: children.authority_secret,
            bundle: children.trust_config_map,
            leaf: children.certificate_secret,
            token: children.token_secret,
            ..Dereferenced::default()
        };
        (material.certificate.unwrap(), found)
    };
    let found = Dereferenced {
        authority: first.authority_secret,
        leaf: first.certificate_secret,
        token: first.token_secret,
        ..Dereferenced::default()
    };
    let (rolling, found) = reconcile(&found, now());
    let next = rolling.authorities.next.clone().unwrap();
    let later = now() + jiff::SignedDuration::from_hours(23);
    let (same, found) = reconcile(&found, later);
    assert_eq!(same, rolling);
    let (issued, found) = reconcile(&found, next.issues_at);
    assert_eq!(issued.authorities.active, next.pair);
    assert_eq!(issued.authorities.retired.len(), 1);
    assert_eq!(reconcile(&found, next.issues_at).0, issued);

    // A ConfigMap of someone else's that has the bundle's name is left alone.
    let mut bundle = found.bundle.clone().unwrap();
    bundle.metadata.owner_references = None;
    bundle.metadata.labels = None;
    let error = validated("{}", &Dereferenced { bundle: Some(bundle), ..found }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ConfigMap orders-ca exists and is not this store's; delete or rename one of them."
    );
}

#[test]
fn the_certificate_carries_every_name_of_the_services_and_of_the_spec() {
    let names = |spec: &str, domain: &str| {
        let store = crate::test_support::custom_resource(spec);
        let found = Dereferenced::default();
        validate(&store, &found, &crate::test_support::catalog(), domain, now()).unwrap().server_names()
    };
    assert_eq!(
        names("{tls: {managed: {dnsNames: [kv.example.com, orders]}}}", "corp.example"),
        [
            "*.orders-pods.shop",
            "*.orders-pods.shop.svc",
            "*.orders-pods.shop.svc.corp.example",
            "127.0.0.1",
            "kv.example.com",
            "localhost",
            "orders",
            "orders-pods",
            "orders-pods.shop",
            "orders-pods.shop.svc",
            "orders-pods.shop.svc.corp.example",
            "orders.shop",
            "orders.shop.svc",
            "orders.shop.svc.corp.example",
        ]
    );
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

/// What there is of a store that asks cert-manager: the Secret with these annotations, and the Certificate's status.
fn asked(secret: Option<Secret>, status: &str) -> Dereferenced {
    let yaml = format!(
        "{{apiVersion: cert-manager.io/v1, kind: Certificate, metadata: {{name: orders, ownerReferences: [{{apiVersion: a, kind: b, name: c, uid: uid-1}}]}}, status: {status}}}"
    );
    Dereferenced {
        foreign_kinds: vec![ForeignKind::Certificate],
        certificate: Some(serde_yaml::from_str(&yaml).unwrap()),
        leaf: secret,
        ..Dereferenced::default()
    }
}

/// The Secret as cert-manager writes it.
fn issued_secret(pair: &crate::pki::Issued) -> Secret {
    let ca = &pair.authorities.active.certificate;
    let values = [("tls.crt", pair.leaf.certificate.as_str()), ("tls.key", &pair.leaf.key), ("ca.crt", ca)];
    let mut secret = secret("orders-tls", values);
    secret.metadata.uid = Some("s".to_owned());
    secret.type_ = Some("kubernetes.io/tls".to_owned());
    secret.metadata.annotations =
        Some([("cert-manager.io/certificate-name".to_owned(), "orders".to_owned())].into());
    secret
}

const ISSUER: &str = "{tls: {issuerRef: {name: ca, kind: ClusterIssuer, dnsNames: [kv.example.com]}}}";

#[test]
fn a_certificate_of_cert_manager_is_asked_for_and_taken_up() {
    let wanted = |found: &Dereferenced| match validated(ISSUER, found).unwrap().certificate {
        Certificate::Issuer(wanted) => *wanted,
        other => panic!("{other:?}"),
    };
    let waiting = "{conditions: [{type: Ready, status: 'False', message: 'Issuing certificate.'}]}";
    let first = wanted(&asked(None, waiting));
    assert_eq!((first.served, first.secret, first.revision), (None, None, 0));
    let ready = first.ready.unwrap();
    assert_eq!((ready.ready, ready.message.as_str()), (false, "Issuing certificate"));

    let pair = issued();
    let done = "{revision: 3, conditions: [{type: Ready, status: 'True', message: ok}]}";
    let found = asked(Some(issued_secret(&pair)), done);
    let then = wanted(&found);
    assert_eq!(then.served.clone().unwrap().not_after, pair.not_after);
    assert_eq!((then.revision, then.secret.unwrap().uid), (3, "s".to_owned()));
    let store = validated(ISSUER, &found).unwrap();
    assert!(store.server_names().contains(&"kv.example.com".to_owned()));
    // The operator's own pair, in a Secret that was cert-manager's before: it is served, and left alone.
    let mut own = issued_secret(&pair);
    let fields = "[{manager: kivi-operator, fieldsV1: {'f:data': {'f:tls.key': {}}}}]";
    own.metadata.managed_fields = serde_yaml::from_str(fields).unwrap();
    own.metadata.owner_references = Some(vec![children("{}").0.owner]);
    let still = wanted(&asked(Some(own), done));
    assert!(still.served.is_some() && still.secret.is_none());
    // One that cannot be served is none.
    let mut ended = issued_secret(&pair);
    ended.data.as_mut().unwrap().remove("tls.key");
    assert_eq!(wanted(&asked(Some(ended), done)).served, None);
}

#[test]
fn cert_manager_writes_over_nothing_of_someone_elses() {
    let taken = |found: Dereferenced, object: &str| {
        let error = validated(ISSUER, &found).unwrap_err();
        assert_eq!(error.reason(), "NameTaken");
        assert!(error.to_string().starts_with(object), "{error}");
    };
    let mut foreign = issued_secret(&issued());
    foreign.metadata.annotations = None;
    taken(asked(Some(foreign), "{}"), "Secret orders-tls");
    let metadata = secret("orders", []).metadata;
    let mut found = asked(None, "{}");
    found.namesakes = vec![Namesake { kind: "Certificate".to_owned(), metadata }];
    taken(found, "Certificate orders");
    // What the operator issued before is its own.
    let (_, _, own) = children("{}");
    let store = validated(ISSUER, &asked(own.certificate_secret, "{}")).unwrap();
    let Certificate::Issuer(wanted) = store.certificate else { panic!("asked for") };
    assert!(wanted.served.is_some() && wanted.secret.is_none(), "it is served, and left alone");
}
