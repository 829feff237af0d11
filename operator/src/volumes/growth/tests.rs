use super::*;
use crate::volumes::fill::Figures;

const AUTO: &str = "{size: 1Gi, autoGrow: {threshold: 80, step: 50%, max: 3Gi}}";

fn file(text: &str) -> FileLogSettings {
    serde_yaml::from_str(text).unwrap()
}

fn claim(requested: &str, actual: &str, grown: Option<&str>) -> PersistentVolumeClaim {
    let annotation = grown.map(|grown| format!(", annotations: {{{GROWN}: {grown}}}")).unwrap_or_default();
    serde_yaml::from_str(&format!(
        "{{metadata: {{name: log-orders-0{annotation}}}, spec: {{resources: {{requests: {{storage: {requested}}}}}}},
          status: {{phase: Bound, capacity: {{storage: {actual}}}}}}}"
    ))
    .unwrap()
}

fn percent(percent: u64) -> Fill {
    Fill::Measured(Figures { log: Some(0), size: Some(10_000), available: Some(10_000 - percent * 100) })
}

fn judged(spec: &str, claim: PersistentVolumeClaim, fill: Fill) -> Growth {
    judge(&StoreNames::new("orders"), &file(spec), &[claim], &BTreeMap::from([(0, fill)]))
}

#[test]
fn a_volume_grows_by_a_step_at_its_threshold_and_never_beyond_its_largest() {
    let at_max = || Growth::AtMax("log-orders-0".to_owned());
    let to = |size: &str| Growth::To { size: size.to_owned(), after: None };
    for (requested, actual, grown, fill, expected) in [
        ("1Gi", "1Gi", None, percent(79), Growth::Rest),
        ("1Gi", "1Gi", None, percent(80), to("1536Mi")),
        // One step at a time.
        ("1536Mi", "1Gi", Some("1536Mi"), percent(99), Growth::Rest),
        ("1536Mi", "1536Mi", Some("1536Mi"), percent(80), to("2304Mi")),
        ("2304Mi", "2304Mi", Some("2304Mi"), percent(80), to("3Gi")),
        ("3Gi", "3Gi", Some("3Gi"), percent(80), at_max()),
        ("3Gi", "3Gi", Some("3Gi"), percent(79), Growth::NearMax("log-orders-0".to_owned())),
        ("3Gi", "3Gi", Some("3Gi"), percent(74), Growth::Rest),
        // A volume that was larger than asked from the first.
        ("1Gi", "10Gi", None, percent(90), at_max()),
        ("1Gi", "2Gi", None, percent(90), to("3Gi")),
        (
            "1Gi",
            "1Gi",
            None,
            Fill::Unknown("no answer".to_owned()),
            Growth::Blind { claim: "log-orders-0".to_owned(), why: "no answer".to_owned() },
        ),
    ] {
        let case = format!("{requested} {actual} {fill:?}");
        assert_eq!(judged(AUTO, claim(requested, actual, grown), fill), expected, "{case}");
    }
    assert_eq!(
        judged("{size: 1Gi}", claim("1Gi", "1Gi", None), percent(99)),
        Growth::Rest,
        "it is off by default"
    );
}

#[test]
fn what_was_reached_is_kept_by_the_claim_and_bounded_by_the_spec() {
    for (spec, actual, grown, size) in [
        (AUTO, "1Gi", None, "1Gi"),
        (AUTO, "1Gi", Some("2Gi"), "2Gi"),
        // A growth that failed is taken back by a lower `max`, or by none.
        ("{size: 1Gi, autoGrow: {max: 1536Mi}}", "1Gi", Some("2Gi"), "1536Mi"),
        ("{size: 1Gi}", "1Gi", Some("2Gi"), "1Gi"),
        ("{size: 1Gi}", "2Gi", Some("2Gi"), "2Gi"),
        // The user's own size is the larger one.
        ("{size: 5Gi}", "2Gi", Some("2Gi"), "5Gi"),
        (AUTO, "1Gi", Some("much"), "1Gi"),
    ] {
        assert_eq!(wanted(&file(spec), &[claim("1Gi", actual, grown)]), size, "{spec} {actual} {grown:?}");
    }
}

#[test]
fn a_server_that_ended_for_want_of_room_is_worth_one_step() {
    let full = |end: &str| Fill::Full(end.to_owned());
    let grows = |size: &str, end: &str| Growth::To { size: size.to_owned(), after: Some(end.to_owned()) };
    assert_eq!(judged(AUTO, claim("1Gi", "1Gi", None), full("one")), grows("1536Mi", "one"));
    let mut stepped = claim("1536Mi", "1536Mi", Some("1536Mi"));
    stepped.annotations_mut().insert(GROWN_AFTER.to_owned(), "one".to_owned());
    assert_eq!(judged(AUTO, stepped.clone(), full("one")), Growth::Rest, "its next try is yet to come");
    assert_eq!(judged(AUTO, stepped, full("two")), grows("2304Mi", "two"));
}
