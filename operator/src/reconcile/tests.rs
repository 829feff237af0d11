mod bootstrap;
mod certificates;
mod foreign;
mod invalid;
mod volumes;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::DeserializeGuard;
use kube_runtime::watcher::Event;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;
use crate::test_support::custom_resource;
use crate::test_support::server::Server;

#[tokio::test]
async fn a_new_store_gets_its_children_pods_last_and_then_nothing_changes() {
    let server = Server::default();
    let context = server.context();
    let action = reconcile(server.store("{}"), context.clone()).await.unwrap();
    let writes = server.writes();
    let place = |write: &str| writes.iter().position(|other| other == write);
    assert!(
        place("orders-ca secrets") < place("orders-tls secrets"),
        "an authority before its leaf: {writes:?}"
    );
    let (early, late) = writes.split_at(8);
    assert_eq!(late, ["orders statefulsets", "status orders"]);
    let mut early = early.to_vec();
    early.sort();
    assert_eq!(
        early,
        [
            "orders configmaps",
            "orders serviceaccounts",
            "orders services",
            "orders-ca configmaps",
            "orders-ca secrets",
            "orders-pods services",
            "orders-tls secrets",
            "orders-token secrets",
        ]
    );
    assert_ne!(action, Action::await_change(), "a certificate is to be renewed");

    // Again, with what is there: the same objects, and no status.
    let before = server.objects.lock().clone();
    reconcile(server.store("{}"), context).await.unwrap();
    assert!(!server.writes().iter().any(|write| write.starts_with("status")));
    assert_eq!(*server.objects.lock(), before);
}

#[tokio::test]
async fn a_store_that_waits_for_a_secret_is_told_once_and_nothing_is_applied() {
    let server = Server::default();
    let context = server.context();
    let spec = "{tls: {secretRef: {name: mine}}}";
    let error = reconcile(server.store(spec), context.clone()).await.unwrap_err();
    assert_eq!(error.reason(), "SecretNotFound");
    assert_eq!(server.writes(), ["status orders"]);
    let action = error_policy(server.store(spec), &error, context.clone());
    assert_eq!(action, Action::await_change());
    reconcile(server.store(spec), context).await.unwrap_err();
    assert_eq!(server.writes(), [""; 0]);
}

#[tokio::test]
async fn a_secret_that_a_spec_comes_to_name_is_not_removed_with_the_spec_that_made_it() {
    let server = Server::default();
    let context = server.context();
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let secret = |name: &str| {
        server
            .objects
            .lock()
            .get(&format!("/api/v1/namespaces/shop/secrets/{name}"))
            .map(|s| s["data"].clone())
    };
    let token = secret("orders-token").unwrap();
    let spec = "{auth: {tokensSecretRef: {name: orders-token}}, tls: {secretRef: {name: orders-tls}}}";
    reconcile(server.store(spec), context.clone()).await.unwrap();
    assert_eq!(secret("orders-token"), Some(token));
    assert!(secret("orders-tls").is_some());
    assert_eq!(secret("orders-ca"), None, "what nobody names goes");
    reconcile(server.store(spec), context).await.unwrap();
}

#[tokio::test]
async fn children_that_a_spec_no_longer_asks_for_are_removed_and_no_one_elses() {
    let server = Server::default();
    let context = server.context();
    let spec = "{networkPolicy: {enabled: true}, ingress: {host: a.example}}";
    reconcile(server.store(spec), context.clone()).await.unwrap();
    let folder = "/apis/networking.k8s.io/v1/namespaces/shop";
    let there = |path: &str| server.objects.lock().contains_key(&format!("{folder}/{path}"));
    assert!(there("networkpolicies/orders") && there("ingresses/orders"));
    let mut foreign = server.objects.lock()[&format!("{folder}/ingresses/orders")].clone();
    foreign["metadata"]["name"] = json!("other");
    foreign["metadata"]["ownerReferences"][0]["uid"] = json!("another's");
    server.objects.lock().insert(format!("{folder}/ingresses/other"), foreign);
    // Of one server since; there was a time when it had three.
    let budget = json!({"metadata": {"name": "orders", "ownerReferences": [{"apiVersion": "kivi.dev/v1alpha1",
        "kind": "KeyValueStore", "name": "orders", "uid": "uid-1"}]}});
    let path = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/orders".to_owned();
    server.objects.lock().insert(path.clone(), budget);

    reconcile(server.store("{}"), context).await.unwrap();
    assert!(!there("networkpolicies/orders") && !there("ingresses/orders"));
    assert!(!server.objects.lock().contains_key(&path));
    assert!(there("ingresses/other"));
}

#[tokio::test]
async fn a_named_service_account_is_the_users_whatever_its_name() {
    let server = Server::default();
    let context = server.context();
    let there = || server.objects.lock().contains_key("/api/v1/namespaces/shop/serviceaccounts/orders");
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    reconcile(server.store("{pod: {serviceAccount: {name: orders}}}"), context.clone()).await.unwrap();
    assert!(there(), "from then on it is the user's");
    reconcile(server.store("{pod: {serviceAccount: {name: mine}}}"), context).await.unwrap();
    assert!(!there());
}

#[tokio::test]
async fn an_ingress_of_someone_elses_with_the_stores_name_is_not_taken_over() {
    let server = Server::default();
    let context = server.context();
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let path = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/orders";
    server.objects.lock().insert(path.to_owned(), json!({"metadata": {"name": "orders"}, "spec": "theirs"}));
    let error = reconcile(server.store("{ingress: {host: a.example}}"), context).await.unwrap_err();
    assert_eq!(error.reason(), "NameTaken");
    assert_eq!(server.objects.lock()[path]["spec"], "theirs");
}

#[tokio::test]
async fn a_pod_that_cannot_be_made_is_told_though_its_volume_waits_for_it() {
    let server = Server::default();
    let context = server.context();
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let folder = "/api/v1/namespaces/shop/persistentvolumeclaims";
    let labels = kivi_crds::labels::selector("orders");
    let metadata = json!({"name": "log-orders-0", "uid": "c", "labels": labels});
    let claim = json!({"metadata": metadata, "status": {"phase": "Pending"}});
    let event = json!({
        "metadata": {}, "regarding": {"uid": "s"}, "reason": "FailedCreate", "note": "no PriorityClass",
        "deprecatedLastTimestamp": "2026-11-22T10:00:00Z",
    });
    {
        let mut objects = server.objects.lock();
        objects.insert(format!("{folder}/log-orders-0"), claim);
        objects.insert("/apis/events.k8s.io/v1/namespaces/shop/events/e".to_owned(), event);
    }
    let action = reconcile(server.store("{}"), context).await.unwrap();
    assert_eq!(action, Action::requeue(Duration::from_secs(10)), "no watch tells when that ends");
    let Ok(store) = &server.store("{}").0 else { panic!("the store is sound") };
    let conditions = &store.status.as_ref().unwrap().conditions;
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!((ready.reason.as_str(), ready.status.as_str()), ("PodNotCreated", "False"));
    assert!(ready.message.ends_with("A pod cannot be created: no PriorityClass."), "{}", ready.message);
}

#[tokio::test]
async fn what_was_just_made_is_given_time_before_its_events_are_read() {
    let server = Server::default();
    let context = watching(&server);
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let set = "/apis/apps/v1/namespaces/shop/statefulsets/orders";
    for (age, asks) in [(SignedDuration::ZERO, false), (SignedDuration::from_mins(1), true)] {
        let made = (Timestamp::now() - age).to_string();
        server.objects.lock().get_mut(set).unwrap()["metadata"]["creationTimestamp"] = json!(made);
        server.requests.lock().clear();
        let action = reconcile(server.store("{}"), context.clone()).await.unwrap();
        assert_eq!(server.requests.lock().iter().any(|(_, path)| path.ends_with("/events")), asks);
        let again = Action::requeue(Duration::from_secs(10));
        assert_eq!(action == again, asks, "{action:?}");
        assert_ne!(action, Action::await_change(), "no watch tells of an event");
    }
}

#[tokio::test]
async fn the_end_of_a_users_certificate_is_told_without_a_change() {
    let server = Server::default();
    let context = server.context();
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let action = reconcile(server.store("{tls: {secretRef: {name: orders-tls}}}"), context).await.unwrap();
    assert_ne!(action, Action::await_change());
}

#[tokio::test]
async fn a_paused_and_a_leaving_store_are_left_alone() {
    let server = Server::default();
    let context = server.context();
    reconcile(server.store("{paused: true}"), context.clone()).await.unwrap();
    assert_eq!(server.writes(), ["status orders"]);
    let mut leaving = custom_resource("{}");
    leaving.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(crate::test_support::now()));
    reconcile(Arc::new(DeserializeGuard(Ok(leaving))), context).await.unwrap();
    assert_eq!(server.writes(), [""; 0]);
}

#[tokio::test]
async fn a_refused_child_is_told_in_the_servers_words_and_tried_again() {
    let server = Server { refused: Some("statefulsets"), ..Server::default() };
    let context = server.context();
    let error = reconcile(server.store("{}"), context.clone()).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot apply StatefulSet orders: it is wrong (422)");
    let Ok(store) = &server.store("{}").0 else { panic!("the store is sound") };
    let degraded = store.status.as_ref().unwrap().conditions.iter().find(|c| c.type_ == "Degraded").unwrap();
    assert_eq!(degraded.reason, "ApplyFailed");
    assert_ne!(error_policy(server.store("{}"), &error, context), Action::await_change());
}

#[tokio::test]
async fn an_edit_that_makes_an_apply_impossible_is_overwritten() {
    let server = Server { refused: Some("services"), takes_whole_lists: true, ..Server::default() };
    reconcile(server.store("{}"), server.context()).await.unwrap();
    let written = server.objects.lock()["/api/v1/namespaces/shop/services/orders"].clone();
    assert_eq!(written["spec"]["ports"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_malformed_store_says_so_in_its_conditions() {
    let server = Server::default();
    let yaml = "{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStore, metadata: {name: orders, namespace: shop, uid: u}, spec: {replicas: many}}";
    let store: Watched = serde_yaml::from_str(yaml).unwrap();
    let error = reconcile(Arc::new(store), server.context()).await.unwrap_err();
    assert_eq!(error.reason(), "Malformed");
    assert_eq!(server.writes(), ["status orders"]);
}

#[test]
fn a_renewal_wakes_in_time_and_at_least_once_a_day() {
    let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
    for (then, seconds) in
        [("2026-11-22T10:30:00Z", 1800), ("2027-11-22T10:00:00Z", 86_400), ("2026-11-22T09:00:00Z", 1)]
    {
        assert_eq!(until(now, then.parse().unwrap()).as_secs(), seconds);
    }
}

/// A context whose watches have shown all that there is: nothing.
fn watching(server: &Server) -> Arc<Context> {
    let context = server.context();
    server.show(&context.ledger);
    context
}

#[tokio::test]
async fn what_a_spec_that_failed_has_made_goes_with_it() {
    let server = Server::default();
    let context = watching(&server);
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let ingress = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/orders";
    let there = || server.objects.lock().contains_key(ingress);
    {
        let refusing = Server { refused: Some("statefulsets"), ..server.clone() };
        let mut failing = Arc::into_inner(refusing.context()).unwrap();
        failing.ledger = context.ledger.clone();
        let spec = "{ingress: {host: a.example}, limits: {keyBytes: 7}}";
        reconcile(server.store(spec), Arc::new(failing)).await.unwrap_err();
    }
    assert!(there());
    reconcile(server.store("{}"), context).await.unwrap();
    assert!(!there());
}

#[tokio::test]
async fn a_child_that_is_refused_keeps_no_other_from_being_sent() {
    let server = Server { refused: Some("secrets/orders-token"), ..Server::default() };
    let context = watching(&server);
    reconcile(server.store("{}"), context.clone()).await.unwrap_err();
    server.writes();
    reconcile(server.store("{}"), context).await.unwrap_err();
    // The others are in force, and known to be.
    assert_eq!(
        server.writes(),
        ["orders-token secrets", "orders-token secrets"],
        "an apply, and an overwrite"
    );
}

#[tokio::test]
async fn a_child_that_is_refused_keeps_no_backup_from_being_made() {
    let spec = "{backup: {schedule: 0 2 * * *, destination: {volume: {claimName: backups}}}}";
    let server = Server::default();
    reconcile(server.store(spec), server.context()).await.unwrap();
    server.backup_falls_due();
    let refusing = Server { refused: Some("services"), ..server.clone() };
    reconcile(server.store(spec), refusing.context()).await.unwrap_err();
    assert!(server.objects.lock().keys().any(|path| path.contains("/keyvaluestorebackups/")));
}

/// What regresses here is multiplied by the stores of a cluster.
#[tokio::test]
async fn a_reconcile_asks_no_more_of_the_api_server_than_it_must() {
    let server = Server::default();
    let context = watching(&server);
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    // Reads: what is there (11), orphans (11), pods, events. Writes: children (9), status, an event.
    assert_eq!(server.calls(), (24, 11));
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    // StatefulSet, Secrets (3), claims (2), pods, events.
    assert_eq!(server.calls(), (8, 0));

    // What changes is sent, and nothing else.
    reconcile(server.store("{service: {annotations: {a: b}}}"), context.clone()).await.unwrap();
    assert_eq!(server.writes(), ["orders services"]);
}

#[tokio::test]
async fn a_child_that_was_edited_is_put_back_though_it_was_sent_before() {
    let server = Server::default();
    let context = server.context();
    context.ledger.expect("ConfigMap", 1);
    context.ledger.heed::<ConfigMap>("ConfigMap", 0, Event::Init);
    context.ledger.heed::<ConfigMap>("ConfigMap", 0, Event::InitDone);
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    server.writes();
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let is_config = |write: &String| write == "orders configmaps";
    assert!(!server.writes().iter().any(is_config));
    let mut edited: ConfigMap = {
        let objects = server.objects.lock();
        serde_json::from_value(objects["/api/v1/namespaces/shop/configmaps/orders"].clone()).unwrap()
    };
    edited.metadata.resource_version = Some("1000000".to_owned());
    context.ledger.heed("ConfigMap", 0, Event::Apply(edited));
    reconcile(server.store("{}"), context).await.unwrap();
    assert!(server.writes().iter().any(is_config));
}

#[tokio::test]
async fn a_backup_that_is_due_is_made_once_also_by_an_operator_that_starts_anew() {
    const STATUS: &str = "/apis/kivi.dev/v1alpha1/namespaces/shop/keyvaluestores/orders/status";
    let spec = "{backup: {schedule: 0 2 * * *, destination: {volume: {claimName: backups}}}}";
    let server = Server::default();
    let action = reconcile(server.store(spec), server.context()).await.unwrap();
    assert_ne!(action, Action::await_change(), "the next backup is due within a day");
    assert!(!server.writes().iter().any(|write| write.starts_with("keyvaluestorebackups")));

    // The operator was away for days.
    let mut written = server.objects.lock()[STATUS].clone();
    written["status"]["backup"]["since"] = json!("2026-01-01T00:00:00Z");
    server.put(STATUS, written.clone());
    reconcile(server.store(spec), server.context()).await.unwrap();
    let made = || -> Vec<String> {
        let objects = server.objects.lock();
        let backups = objects.keys().filter(|path| path.contains("/keyvaluestorebackups/"));
        backups.cloned().collect()
    };
    assert_eq!(made().len(), 1);
    let path = made().remove(0);
    let backup = server.objects.lock()[&path].clone();
    let name = backup["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("orders-at-20") && name.ends_with("-0200"), "{name}");
    assert_eq!(backup["spec"], json!({"storeRef": {"name": "orders"}}));
    assert_eq!(backup["metadata"].get("ownerReferences"), None, "it outlives its store");

    // The status was lost with the operator that was to write it: the same backup, not another.
    server.put(STATUS, written);
    reconcile(server.store(spec), server.context()).await.unwrap();
    assert_eq!(made().len(), 1);
    server.writes();
    reconcile(server.store(spec), server.context()).await.unwrap();
    assert!(!server.writes().iter().any(|write| write.contains("backups") || write.starts_with("status")));
}

#[tokio::test]
async fn what_the_catalog_changes_waits_for_its_turn_and_what_a_user_changes_does_not() {
    let server = Server::default();
    let mut context = Arc::into_inner(server.context()).unwrap();
    let (offered, catalog) = watch::channel(context.catalog.borrow().clone());
    context.catalog = catalog;
    let context = Arc::new(context);
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    // Another store is on its way.
    let (sets, mut watch_of_sets) = kube_runtime::reflector::store::<StatefulSet>();
    let (stores, _writer) = kube_runtime::reflector::store();
    let other = json!({
        "metadata": {"name": "other", "namespace": "shop", "annotations": {"kivi.dev/rollout-queued": "true"}},
        "status": {"replicas": 1, "currentRevision": "a", "updateRevision": "b"},
    });
    watch_of_sets.apply_watcher_event(&Event::InitDone);
    watch_of_sets.apply_watcher_event(&Event::Apply(serde_json::from_value(other).unwrap()));
    context.rollouts.begin(sets, stores);
    let images = format!("{{{}: {{server: rebuilt:1, sidecar: rebuilt:2}}}}", kivi_crds::RELEASE);
    offered.send_modify(|catalog| *catalog = catalog.with(&images).unwrap());
    server.writes();
    reconcile(server.store("{}"), context.clone()).await.unwrap();
    let writes = server.writes();
    assert!(!writes.iter().any(|write| write.ends_with("statefulsets")), "{writes:?}");
    assert!(writes.iter().any(|write| write == "orders configmaps"), "the rest is looked after: {writes:?}");
    let Ok(store) = &server.store("{}").0 else { panic!("the store is sound") };
    let progressing =
        store.status.clone().unwrap().conditions.into_iter().find(|c| c.type_ == "Progressing").unwrap();
    assert_eq!((progressing.reason.as_str(), progressing.status.as_str()), ("RolloutQueued", "True"));

    let mut asked = store.clone();
    asked.annotations_mut().insert("kivi.dev/restart".to_owned(), "now".to_owned());
    reconcile(Arc::new(DeserializeGuard(Ok(asked))), context).await.unwrap();
    let set = server.objects.lock()["/apis/apps/v1/namespaces/shop/statefulsets/orders"].clone();
    assert_eq!(set["spec"]["template"]["spec"]["containers"][0]["image"], "rebuilt:1");
}

#[tokio::test]
async fn a_child_whose_owner_was_taken_away_is_owned_again() {
    let server = Server::default();
    reconcile(server.store("{}"), server.context()).await.unwrap();
    let places =
        ["/api/v1/namespaces/shop/services/orders", "/apis/apps/v1/namespaces/shop/statefulsets/orders"];
    let owner = |place: &str| server.objects.lock()[place]["metadata"]["ownerReferences"][0]["name"].clone();
    for place in places {
        assert_eq!(owner(place), "orders");
        let mut objects = server.objects.lock();
        objects.get_mut(place).unwrap()["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    }
    reconcile(server.store("{}"), server.context()).await.unwrap();
    for place in places {
        assert_eq!(owner(place), "orders", "{place}");
    }
}
