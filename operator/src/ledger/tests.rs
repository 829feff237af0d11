use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PartialObjectMeta;

use super::*;

const KIND: &str = "ConfigMap";

fn metadata(version: &str, more: &str) -> ObjectMeta {
    let labels = "labels: {app.kubernetes.io/managed-by: kivi-operator}";
    serde_yaml::from_str(&format!(
        "{{name: orders, namespace: shop, uid: u, resourceVersion: '{version}', {labels}, {more}}}"
    ))
    .unwrap()
}

fn object(metadata: ObjectMeta) -> PartialObjectMeta<ConfigMap> {
    PartialObjectMeta { metadata, ..PartialObjectMeta::default() }
}

fn digest(content: &str) -> Digest {
    Digest::of(&content).unwrap()
}

/// A ledger whose watch has shown that there is nothing.
fn watching() -> Ledger {
    let ledger = Ledger::default();
    for kind in [KIND, SET] {
        ledger.expect(kind, 1);
        ledger.heed::<ConfigMap>(kind, 0, Event::Init);
        ledger.heed::<ConfigMap>(kind, 0, Event::InitDone);
    }
    ledger
}

fn see(ledger: &Ledger, version: &str, more: &str) -> News {
    ledger.heed(KIND, 0, Event::Apply(object(metadata(version, more))))
}

fn is_in_force(ledger: &Ledger, content: &str) -> bool {
    ledger.is_in_force(KIND, "shop", "orders", digest(content))
}

#[test]
fn what_was_sent_is_in_force_until_its_content_or_the_object_changes() {
    let ledger = watching();
    assert!(!is_in_force(&ledger, "a"));
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    assert!(is_in_force(&ledger, "a") && !is_in_force(&ledger, "b"));
    assert!(matches!(see(&ledger, "10", ""), News::Own(_)), "the echo of the apply");
    assert!(is_in_force(&ledger, "a"));
    assert!(matches!(see(&ledger, "11", ""), News::Of(_)));
    assert!(!is_in_force(&ledger, "a"), "somebody changed it");
    ledger.sent(KIND, digest("a"), &metadata("12", ""));
    assert!(is_in_force(&ledger, "a"), "and it was put back");
}

#[test]
fn a_watch_that_lags_or_hurries_is_no_drift() {
    let ledger = watching();
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    see(&ledger, "9", "");
    assert!(is_in_force(&ledger, "a"), "the watch shows what was before");
    // The watch may be faster than the answer, for one's own change and for another's behind it.
    see(&ledger, "13", "");
    ledger.sent(KIND, digest("b"), &metadata("13", ""));
    assert!(is_in_force(&ledger, "b"));
    see(&ledger, "15", "");
    ledger.sent(KIND, digest("c"), &metadata("14", ""));
    assert!(!is_in_force(&ledger, "c"));
}

#[test]
fn a_status_is_news_and_no_drift_where_there_is_a_generation() {
    let ledger = watching();
    ledger.sent(KIND, digest("a"), &metadata("10", "generation: 1"));
    assert!(matches!(see(&ledger, "11", "generation: 1"), News::Of(_)));
    assert!(is_in_force(&ledger, "a"));
    for drift in [
        "generation: 2",
        "generation: 1, annotations: {a: b}",
        "generation: 1, deletionTimestamp: '2026-11-22T10:00:00Z'",
    ] {
        let ledger = watching();
        ledger.sent(KIND, digest("a"), &metadata("10", "generation: 1"));
        see(&ledger, "12", drift);
        assert!(!is_in_force(&ledger, "a"), "{drift}");
    }
}

#[test]
fn what_was_deleted_is_not_in_force_unless_it_was_made_anew() {
    let ledger = watching();
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    assert!(matches!(ledger.heed(KIND, 0, Event::Delete(object(metadata("11", "")))), News::Of(_)));
    assert!(!is_in_force(&ledger, "a"));
    ledger.sent(KIND, digest("a"), &metadata("12", ""));
    ledger.heed(KIND, 0, Event::Delete(object(metadata("11", ""))));
    assert!(is_in_force(&ledger, "a"), "the watch tells of the one before");
}

#[test]
fn nothing_is_in_force_before_a_list_is_complete_and_what_it_lacks_is_gone() {
    let ledger = Ledger::default();
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    assert!(ledger.0.lock().children.is_empty(), "nobody watches");
    ledger.expect(KIND, 1);
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    ledger.heed::<ConfigMap>(KIND, 0, Event::Init);
    ledger.heed(KIND, 0, Event::InitApply(object(metadata("10", ""))));
    assert!(!is_in_force(&ledger, "a"), "the list is not complete");
    assert_eq!(ledger.heed::<ConfigMap>(KIND, 0, Event::InitDone), News::None);
    assert!(is_in_force(&ledger, "a"));
    ledger.heed::<ConfigMap>(KIND, 0, Event::Init);
    assert_eq!(ledger.heed::<ConfigMap>(KIND, 0, Event::InitDone), News::Lost);
    assert!(!is_in_force(&ledger, "a"), "it went while nobody watched");
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    ledger.clear();
    assert!(!is_in_force(&ledger, "a"));
}

#[test]
fn what_went_before_the_answer_to_its_apply_came_is_not_in_force() {
    let ledger = watching();
    see(&ledger, "10", "");
    ledger.heed(KIND, 0, Event::Delete(object(metadata("11", ""))));
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    assert!(!is_in_force(&ledger, "a"));
    ledger.sent(KIND, digest("a"), &metadata("12", ""));
    assert!(is_in_force(&ledger, "a"), "and it was made anew");
}

#[test]
fn what_was_sent_and_never_seen_has_to_be_in_the_next_list() {
    let ledger = watching();
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    ledger.heed::<ConfigMap>(KIND, 0, Event::Init);
    assert_eq!(ledger.heed::<ConfigMap>(KIND, 0, Event::InitDone), News::Lost);
    assert!(!is_in_force(&ledger, "a"));
    // Where it was sent while the list was under way, that need not have it.
    ledger.heed::<ConfigMap>(KIND, 0, Event::Init);
    ledger.sent(KIND, digest("a"), &metadata("12", ""));
    assert_eq!(ledger.heed::<ConfigMap>(KIND, 0, Event::InitDone), News::None);
    assert!(is_in_force(&ledger, "a"));
}

#[test]
fn what_was_read_counts_though_the_watch_has_not_shown_it_yet() {
    let ledger = watching();
    ledger.sent(KIND, digest("a"), &metadata("10", "generation: 1"));
    see(&ledger, "10", "generation: 1");
    ledger.read(KIND, &metadata("11", "generation: 1"));
    assert!(is_in_force(&ledger, "a"), "a status");
    ledger.read(KIND, &metadata("12", "generation: 2"));
    assert!(!is_in_force(&ledger, "a"), "drift");
    ledger.read(KIND, &metadata("11", "generation: 1"));
    assert!(!is_in_force(&ledger, "a"), "an older state tells nothing");
}

#[test]
fn of_what_a_list_lacks_no_more_is_known_than_its_name() {
    let ledger = watching();
    ledger.sent(SET, digest("a"), &metadata("10", "generation: 1"));
    let name = ObjectMeta {
        name: Some("orders".to_owned()),
        namespace: Some("shop".to_owned()),
        ..ObjectMeta::default()
    };
    assert_eq!(ledger.heed(SET, 0, Event::Delete(object(name))), News::Lost);
    assert!(!ledger.is_in_force(SET, "shop", "orders", digest("a")));
}

#[test]
fn a_version_that_is_no_number_is_never_in_force() {
    let ledger = watching();
    ledger.sent(KIND, digest("a"), &metadata("opaque", ""));
    assert!(!is_in_force(&ledger, "a"));
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    assert!(matches!(see(&ledger, "opaque", ""), News::Of(_)));
    assert!(!is_in_force(&ledger, "a"));
}

#[test]
fn what_is_somebody_elses_is_told_and_not_kept_and_a_child_that_loses_its_label_is_drift() {
    let ledger = watching();
    let foreign: ObjectMeta =
        serde_yaml::from_str("{name: theirs, namespace: shop, uid: v, resourceVersion: '5'}").unwrap();
    assert!(matches!(ledger.heed(KIND, 0, Event::Apply(object(foreign))), News::Of(_)));
    assert!(ledger.0.lock().children.is_empty());
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    ledger.heed(KIND, 0, Event::Apply(object(ObjectMeta { labels: None, ..metadata("11", "") })));
    assert!(!is_in_force(&ledger, "a"));
}

#[test]
fn orphans_are_looked_for_when_other_names_are_wanted_and_for_another_store() {
    let ledger = watching();
    let is_swept = |ledger: &Ledger, wanted| ledger.is_swept("shop", "orders", digest(wanted));
    ledger.swept("shop", "orders", digest("a"));
    assert!(!is_swept(&ledger, "a"), "there is no store");
    ledger.sent(SET, digest("set"), &metadata("10", "generation: 1"));
    ledger.swept("shop", "orders", digest("a"));
    assert!(is_swept(&ledger, "a") && !is_swept(&ledger, "b"));
    ledger.unswept("shop", "orders");
    assert!(!is_swept(&ledger, "a"), "an attempt at other names may have failed");
    ledger.swept("shop", "orders", digest("a"));
    ledger.heed(SET, 0, Event::Delete(object(metadata("11", "generation: 1"))));
    ledger.sent(SET, digest("set"), &metadata("12", "generation: 1"));
    assert!(!is_swept(&ledger, "a"));
}

#[test]
fn each_of_several_watches_of_a_kind_tells_of_its_own() {
    let ledger = Ledger::default();
    ledger.expect(KIND, 2);
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    for watch in 0..2 {
        assert!(!is_in_force(&ledger, "a"), "not all lists are complete");
        ledger.heed::<ConfigMap>(KIND, watch, Event::Init);
        if watch == 0 {
            ledger.heed(KIND, 0, Event::InitApply(object(metadata("10", ""))));
        }
        ledger.heed::<ConfigMap>(KIND, watch, Event::InitDone);
    }
    assert!(is_in_force(&ledger, "a"), "what one watch does not show is not gone by the other's list");
}

#[test]
fn a_watch_that_is_refused_keeps_nothing_of_the_others_from_being_in_force() {
    let ledger = Ledger::default();
    ledger.expect(KIND, 2);
    ledger.heed::<ConfigMap>(KIND, 0, Event::Init);
    ledger.heed::<ConfigMap>(KIND, 0, Event::InitDone);
    ledger.heed::<ConfigMap>(KIND, 1, Event::Init);
    ledger.sent(KIND, digest("a"), &metadata("10", ""));
    assert!(!is_in_force(&ledger, "a"));
    ledger.refused(KIND, 1);
    assert!(is_in_force(&ledger, "a"));
    ledger.heed::<ConfigMap>(KIND, 1, Event::Init);
    assert!(!is_in_force(&ledger, "a"), "it may list now, and has not yet");
}
