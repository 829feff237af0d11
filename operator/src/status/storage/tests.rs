use super::*;
use crate::status::conditions;
use crate::test_support::{now, store};
use crate::volumes::plan::Refusal;

fn volume(phase: VolumePhase, requested: &str, resize: Option<VolumeResize>) -> VolumeStatus {
    let actual = (phase == VolumePhase::Bound).then(|| "1Gi".to_owned());
    VolumeStatus {
        name: "log-orders-0".to_owned(),
        phase,
        requested: Some(requested.to_owned()),
        actual,
        resize,
    }
}

/// Reason and message of `StorageReady`, and whether the store is progressing and degraded.
fn told(store: &Store, volumes: Vec<VolumeStatus>, error: Option<&str>) -> (String, String, bool, bool) {
    let seen = Seen { volumes, resize_error: error.map(str::to_owned), ..Seen::default() };
    let before = Conditions::new(&[], 1, now());
    let all = super::conditions(store, &seen, before).finish();
    let holds = |type_| conditions::find(&all, type_).is_some_and(|condition| condition.status == "True");
    let ready = conditions::find(&all, ConditionType::StorageReady).unwrap();
    assert_eq!(ready.status == "True", ready.reason == "VolumesBound", "{ready:?}");
    let (progressing, degraded) = (holds(ConditionType::Progressing), holds(ConditionType::Degraded));
    (ready.reason.clone(), ready.message.clone(), progressing, degraded)
}

#[test]
fn each_step_of_a_growth_is_a_sentence() {
    use VolumePhase::Bound;
    use VolumeResize::{Failing, FileSystemResizePending, Infeasible, Requested, Resizing};
    let store = store("{log: {file: {size: 2Gi}}}");
    for (resize, error, reason, sentence, progressing, degraded) in [
        (None, None, "VolumesBound", "Volumes bound: 1.", false, false),
        (Some(Requested), None, "Resizing", "is to get 2Gi; nobody has begun", true, false),
        (Some(Resizing), None, "Resizing", "has 1Gi and is being resized to 2Gi.", true, false),
        (Some(FileSystemResizePending), None, "Resizing", "where a pod mounts it.", true, false),
        (
            Some(Failing),
            Some("quota."),
            "ResizeFailing",
            "does not get 2Gi: quota. It is tried again.",
            true,
            false,
        ),
        (
            Some(Infeasible),
            Some("too big"),
            "ResizeInfeasible",
            "too big. Set spec.log.file.size to a size above 1Gi",
            false,
            true,
        ),
    ] {
        let found = told(&store, vec![volume(Bound, "2Gi", resize)], error);
        assert_eq!((found.0.as_str(), found.2, found.3), (reason, progressing, degraded), "{resize:?}");
        assert!(found.1.contains(sentence), "{}", found.1);
    }
    let stopped = crate::test_support::store("{stopped: true, log: {file: {size: 2Gi}}}");
    assert!(!told(&stopped, vec![volume(Bound, "2Gi", Some(FileSystemResizePending))], None).2);
}

#[test]
fn a_claim_that_may_not_ask_is_told_with_the_ways_out() {
    let mut store = store("{log: {file: {size: 2Gi}}}");
    store.volume.refusal = Some(Refusal {
        claim: "log-orders-0".to_owned(),
        from: "1Gi".to_owned(),
        to: "2Gi".to_owned(),
        said: "forbidden (403)".to_owned(),
    });
    let (reason, message, progressing, degraded) =
        told(&store, vec![volume(VolumePhase::Bound, "1Gi", None)], None);
    assert_eq!((reason.as_str(), progressing, degraded), ("ResizeRefused", false, true));
    for part in ["ask for 2Gi: forbidden (403). Let it", "allowVolumeExpansion", "back to 1Gi."] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_claim_without_a_volume_tells_how_it_comes_to_ask_for_less() {
    let store = store("{log: {file: {size: 2Gi}}}");
    let (reason, message, ..) = told(&store, vec![volume(VolumePhase::Pending, "9Gi", None)], None);
    assert_eq!(reason, "VolumePending");
    assert!(
        message.contains("It asks for 9Gi, and cannot ask for 2Gi") && message.contains("delete the claim")
    );
    for asked in ["2Gi", "1Gi"] {
        let (_, message, ..) = told(&store, vec![volume(VolumePhase::Pending, asked, None)], None);
        assert_eq!(message, "Volume claim log-orders-0 waits for a volume.");
    }
}

#[test]
fn a_claim_that_was_made_for_another_class_tells_how_it_comes_to_the_specs() {
    let told = |spec: &str, made: Option<&str>| {
        let claim = "log-orders-0".to_owned();
        let seen = Seen {
            volumes: vec![volume(VolumePhase::Pending, "1Gi", None)],
            pending_classes: made.into_iter().map(|made| (claim.clone(), made.to_owned())).collect(),
            ..Seen::default()
        };
        let all = super::conditions(&store(spec), &seen, Conditions::new(&[], 1, now())).finish();
        conditions::find(&all, ConditionType::StorageReady).unwrap().message.clone()
    };
    let waits = "Volume claim log-orders-0 waits for a volume.";
    assert_eq!(
        told("{log: {file: {storageClassName: local}}}", Some("nope")),
        format!(
            "{waits} It was made for class nope instead of local; delete the claim: nothing is on it yet, and it is made anew."
        )
    );
    for (spec, made) in [
        ("{log: {file: {storageClassName: local}}}", Some("local")),
        ("{log: {file: {storageClassName: local}}}", None),
        // The cluster's default, which may have been another.
        ("{}", Some("nope")),
    ] {
        assert_eq!(told(spec, made), waits, "{spec} {made:?}");
    }
}

#[test]
fn a_growth_that_the_spec_asks_for_no_more_is_told_and_not_waited_for() {
    use VolumeResize::{Infeasible, Requested};
    for (file, resize, field) in [
        ("{size: 1Gi}", Requested, "spec.log.file.size"),
        ("{size: 1Gi}", Infeasible, "spec.log.file.size"),
        ("{size: 1Gi, autoGrow: {max: 1Gi}}", Requested, "spec.log.file.autoGrow.max"),
    ] {
        let store = store(&format!("{{log: {{file: {file}}}}}"));
        let bound = vec![volume(VolumePhase::Bound, "2Gi", Some(resize))];
        let (reason, message, progressing, degraded) = told(&store, bound, None);
        let case = format!("{file} {resize:?}");
        assert_eq!((reason.as_str(), progressing, degraded), ("VolumesBound", false, false), "{case}");
        assert_eq!(
            message,
            format!(
                "Volumes bound: 1. Claim log-orders-0 asks for 2Gi still, and cannot be taken back to just the 1Gi that its \
                 volume has: it is waited for no more, but storage that can give it will. To ask for less, set {field} to \
                 a little more than 1Gi."
            ),
            "{case}"
        );
    }
    // The resizer's last word on a growth that was taken back.
    let over = vec![volume(VolumePhase::Bound, "1Gi", Some(Infeasible))];
    assert_eq!(told(&store("{log: {file: {size: 1Gi}}}"), over, None).1, "Volumes bound: 1.");
}

#[test]
fn a_template_that_is_outgrown_is_told_last() {
    let mut store = store("{log: {file: {size: 2Gi}}}");
    store.volume.template_size = "1Gi".to_owned();
    let (reason, message, progressing, _) = told(&store, vec![volume(VolumePhase::Bound, "2Gi", None)], None);
    assert_eq!((reason.as_str(), progressing), ("Resizing", true));
    assert!(message.contains("its pods run on"), "{message}");
}

#[test]
fn a_volume_that_may_not_grow_is_told_until_it_has_room_again() {
    let mut store = store("{log: {file: {size: 2Gi, autoGrow: {max: 2Gi}}}}");
    let bound = || vec![volume(VolumePhase::Bound, "2Gi", None)];
    let claim = "log-orders-0".to_owned();
    store.volume.growth = Growth::NearMax(claim.clone());
    assert_eq!(told(&store, bound(), None).0, "VolumesBound");
    store.volume.growth = Growth::AtMax(claim.clone());
    let (reason, message, _, degraded) = told(&store, bound(), None);
    assert!(degraded && message.contains("autoGrow.max is 2Gi: it grows no further"), "{message}");
    // The log breathes: what was told stays as long as there is little room.
    store.volume.growth = Growth::NearMax(claim.clone());
    let seen = Seen { volumes: bound(), ..Seen::default() };
    let before =
        Conditions::new(&[], 1, now()).set(ConditionType::StorageReady, false, &reason, &message).finish();
    let after = super::conditions(&store, &seen, Conditions::new(&before, 1, now())).finish();
    assert_eq!(conditions::find(&after, ConditionType::StorageReady).unwrap().message, message);

    store.volume.growth = Growth::Blind { claim, why: "connection refused".to_owned() };
    let (reason, message, _, degraded) = told(&store, bound(), None);
    assert_eq!((reason.as_str(), degraded), ("AutoGrowBlind", false));
    assert!(message.contains("port 8081 of its pod: connection refused."), "{message}");
}
