//! Decisions at the head, as a table of what is under way, what is applied, and what is asked.

use bytes::Bytes;

use super::{Decision, Head, Known, Plan, Totals};
use crate::{
    Effect,
    store::{
        Action, Condition, FailedCondition, RequestId, StoreError, StoreLimits,
        request::{Intent, Request, What},
    },
};

const NOW: u64 = 1_000;

fn head(memory_bytes: u64, keys: u64) -> Head {
    Head::new(6, StoreLimits { memory_bytes, keys })
}

fn put(key: &'static str, condition: Condition) -> Request {
    let action = Action::Put { value: Bytes::new(), media_type: None, ttl: None };
    Request::of(Bytes::from_static(key.as_bytes()), condition, action, None)
}

fn known(revision: u64, weight: u64) -> Known {
    Known { revision, weight, expires_ms: None }
}

fn plan(decision: Decision) -> Plan {
    match decision {
        Decision::Write(plan) => plan,
        other => panic!("{other:?}"),
    }
}

/// What a key of one byte without a value weighs.
const ONE: u64 = 89;

#[test]
fn memory_is_refused_by_what_is_accepted_not_by_what_is_applied() {
    let mut head = head(2 * ONE, u64::MAX);
    let first = plan(head.decide(&put("a", Condition::None), NOW, |_| None, Totals::default()));
    head.accept(&first, None);
    let second = plan(head.decide(&put("b", Condition::None), NOW, |_| None, Totals::default()));
    head.accept(&second, None);
    let third = head.decide(&put("c", Condition::None), NOW, |_| None, Totals::default());
    assert_eq!(third, Decision::Refuse(StoreError::MemoryFull { limit: 2 * ONE }));
    let a = head.pending(b"a").unwrap().known;
    let again = head.decide(&put("a", Condition::None), NOW, |_| a, Totals::default());
    assert!(matches!(again, Decision::Write(_)), "it replaces its own weight");
}

#[test]
fn over_a_limit_a_key_may_still_shrink_or_go_and_none_may_come() {
    let head = head(100, 1);
    let applied = Totals { bytes: 500, keys: 3 };
    let heavy = |_: &[u8]| Some(known(3, 200));
    assert!(matches!(head.decide(&put("k", Condition::None), NOW, heavy, applied), Decision::Write(_)));
    let delete = Request::of(Bytes::from_static(b"k"), Condition::None, Action::Delete, None);
    assert!(matches!(head.decide(&delete, NOW, heavy, applied), Decision::Write(_)));
    let light = |_: &[u8]| Some(known(3, ONE - 1));
    let grown = head.decide(&put("k", Condition::None), NOW, light, applied);
    assert_eq!(grown, Decision::Refuse(StoreError::MemoryFull { limit: 100 }));
    let new = self::head(u64::MAX, 3).decide(&put("k", Condition::None), NOW, |_| None, applied);
    assert_eq!(new, Decision::Refuse(StoreError::KeysFull { limit: 3 }));
}

#[test]
fn a_later_write_under_way_outlives_an_earlier_one() {
    let key = Bytes::from_static(b"k");
    let mut head = head(1000, u64::MAX);
    let first = plan(head.decide(&put("k", Condition::None), NOW, |_| None, Totals::default()));
    head.accept(&first, None);
    let before = head.pending(&key).unwrap().known;
    let delete = Request::of(key.clone(), Condition::None, Action::Delete, None);
    let second = plan(head.decide(&delete, NOW, |_| before, Totals::default()));
    head.accept(&second, None);
    head.applied(7, [&key].into_iter(), None, first.delta);
    assert_eq!(head.pending(&key).unwrap().known, None, "the delete is still under way");
    head.applied(8, [&key].into_iter(), None, second.delta);
    assert!(head.pending(&key).is_none());
}

#[test]
fn from_its_deadline_on_a_key_is_absent_to_every_decision() {
    let head = head(1000, u64::MAX);
    let due = |_: &[u8]| Some(Known { revision: 3, weight: ONE, expires_ms: Some(NOW) });
    let created = plan(head.decide(&put("k", Condition::Absent), NOW, due, Totals::default()));
    assert_eq!(created.existed[..], [false]);
    assert_eq!((created.delta.keys_added, created.delta.keys_removed), (1, 1), "it still takes its place");
    let before = head.decide(&put("k", Condition::Absent), NOW - 1, due, Totals::default());
    let failed = vec![FailedCondition { index: 0, current: Some(3) }];
    assert_eq!(before, Decision::Refuse(StoreError::ConditionsFailed { failed }));
    let delete = Request::of(Bytes::from_static(b"k"), Condition::None, Action::Delete, None);
    assert!(matches!(head.decide(&delete, NOW, due, Totals::default()), Decision::Nothing(_)));
}

#[test]
fn an_expiry_is_written_only_for_the_revision_it_was_meant_for() {
    let head = head(1000, u64::MAX);
    let expire = |revision| Request {
        conditions: smallvec::SmallVec::new(),
        intents: [Intent { key: Bytes::from_static(b"k"), what: What::Expire(revision) }]
            .into_iter()
            .collect(),
        id: None,
    };
    let current = |_: &[u8]| Some(Known { revision: 3, weight: ONE, expires_ms: Some(NOW) });
    let expired = plan(head.decide(&expire(3), NOW, current, Totals::default()));
    assert_eq!(expired.record.changes[0].effect, Effect::Expire);
    assert!(matches!(head.decide(&expire(2), NOW, current, Totals::default()), Decision::Nothing(_)));
    assert!(matches!(head.decide(&expire(3), NOW, |_| None, Totals::default()), Decision::Nothing(_)));
}

#[test]
fn every_condition_that_does_not_hold_is_named() {
    let head = head(1000, u64::MAX);
    let mut request = put("k", Condition::None);
    let absent = Bytes::from_static(b"absent");
    request.conditions = [
        (absent.clone(), Condition::Exists),
        (Bytes::from_static(b"k"), Condition::Exists),
        (Bytes::from_static(b"k"), Condition::RevisionIn(vec![2])),
    ]
    .into_iter()
    .collect();
    let current = |key: &[u8]| (key != absent).then(|| known(3, ONE));
    let failed =
        vec![FailedCondition { index: 0, current: None }, FailedCondition { index: 2, current: Some(3) }];
    let refused = Decision::Refuse(StoreError::ConditionsFailed { failed });
    assert_eq!(head.decide(&request, NOW, current, Totals::default()), refused);
}

#[test]
fn a_named_request_is_in_flight_until_it_is_applied() {
    let mut head = head(1000, u64::MAX);
    let id = RequestId { id: Bytes::from_static(b"r"), fingerprint: [1; 16] };
    let mut request = put("k", Condition::None);
    request.id = Some(id.clone());
    let planned = plan(head.decide(&request, NOW, |_| None, Totals::default()));
    let remembered = planned.record.remembered.as_ref().unwrap();
    assert_eq!((&remembered.id, &remembered.existed[..]), (&id.id, &[false][..]));
    head.accept(&planned, Some(&id));
    assert_eq!(head.under_way(&id), Some(StoreError::RequestInFlight));
    let other = RequestId { fingerprint: [2; 16], ..id.clone() };
    assert_eq!(head.under_way(&other), Some(StoreError::RequestDiffers));
    head.applied(7, planned.record.changes.iter().map(|change| &change.key), Some(&id), planned.delta);
    assert_eq!(head.under_way(&id), None);
}
