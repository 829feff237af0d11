use super::*;

fn claim(requested: &str, actual: &str, more: &str) -> PersistentVolumeClaim {
    let phase = if actual.is_empty() { "Pending" } else { "Bound" };
    let capacity =
        if actual.is_empty() { String::new() } else { format!(", capacity: {{storage: {actual}}}") };
    serde_yaml::from_str(&format!(
        "{{metadata: {{name: log-orders-0, resourceVersion: '7'{more}}}, spec: {{resources: {{requests: {{storage: {requested}}}}}}},
          status: {{phase: {phase}{capacity}}}}}"
    ))
    .unwrap()
}

fn set(template: &str, when_deleted: &str, observed: i64, more: &str) -> StatefulSet {
    serde_yaml::from_str(&format!(
        "{{metadata: {{generation: 2{more}}}, status: {{replicas: 1, observedGeneration: {observed}}}, spec: {{
           selector: {{}}, template: {{}}, serviceName: s,
           persistentVolumeClaimRetentionPolicy: {{whenDeleted: {when_deleted}, whenScaled: Retain}},
           volumeClaimTemplates: [{{spec: {{resources: {{requests: {{storage: {template}}}}}}}}}]}}}}"
    ))
    .unwrap()
}

#[test]
fn a_request_is_raised_and_taken_back_only_where_it_was_not_met() {
    for (wanted, requested, actual, to) in [
        ("2Gi", "1Gi", "1Gi", Some("2Gi")),
        ("2Gi", "2Gi", "1Gi", None),
        ("2Gi", "2048Mi", "2Gi", None),
        // The volume is larger than it was asked to be.
        ("2Gi", "1Gi", "10Gi", Some("2Gi")),
        // An adopted volume that is larger than the spec says.
        ("1Gi", "5Gi", "5Gi", None),
        // A growth that failed, taken back in part, and to what it has: which the API server does not take.
        ("3Gi", "100Gi", "1Gi", Some("3Gi")),
        ("1Gi", "100Gi", "1Gi", None),
        // Without a volume nothing about a claim can change.
        ("2Gi", "1Gi", "", None),
    ] {
        let found = requests(wanted, &[claim(requested, actual, "")]);
        let case = format!("{wanted} {requested} {actual}");
        assert_eq!(found.first().map(|request| request.to.as_str()), to, "{case}");
        assert!(found.iter().all(|request| request.resource_version.as_deref() == Some("7")), "{case}");
    }
}

#[test]
fn the_statefulset_is_replaced_only_once_its_claims_are_free() {
    let owned = ", ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: orders, uid: s}]";
    let leaving = ", deletionTimestamp: '2026-11-22T10:00:00Z'";
    let grown = ("2Gi", "1Gi", "");
    for (case, (made, when_deleted, observed, more), claims, step) in [
        ("at rest", ("2Gi", "Retain", 2, ""), Some(grown), Template::Keep),
        ("at rest, and owner", ("2Gi", "Delete", 2, ""), Some(("2Gi", "2Gi", owned)), Template::Keep),
        ("claims come first", ("1Gi", "Retain", 2, ""), Some(("1Gi", "1Gi", "")), Template::Keep),
        ("a claim that cannot change", ("1Gi", "Retain", 2, ""), Some(("1Gi", "", "")), Template::Replace),
        ("no claim at all", ("1Gi", "Retain", 2, ""), None, Template::Replace),
        ("free", ("1Gi", "Retain", 2, ""), Some(grown), Template::Replace),
        ("taken back", ("9Gi", "Retain", 2, ""), Some(grown), Template::Replace),
        ("an owner", ("1Gi", "Delete", 2, ""), Some(("2Gi", "1Gi", owned)), Template::Release),
        ("told, but not seen", ("1Gi", "Retain", 1, ""), Some(grown), Template::Release),
        (
            "seen, but still an owner",
            ("1Gi", "Retain", 2, ""),
            Some(("2Gi", "1Gi", owned)),
            Template::Release,
        ),
        ("leaving", ("1Gi", "Retain", 2, leaving), Some(grown), Template::Leaving),
        ("leaving for another reason", ("2Gi", "Retain", 2, leaving), Some(grown), Template::Leaving),
    ] {
        let set = set(made, when_deleted, observed, more);
        let claims: Vec<_> =
            claims.into_iter().map(|(requested, actual, more)| claim(requested, actual, more)).collect();
        assert_eq!(template("2Gi", Some(&set), &claims), step, "{case}");
    }
    assert_eq!(template("2Gi", None, &[]), Template::Keep, "what is made has the right size at once");
}

/// Wherever the operator is interrupted, the next reconcile goes on, and the steps come to an end.
#[test]
fn the_steps_lead_to_the_wanted_size_from_each_place_and_then_stop() {
    let owned = ", ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: orders, uid: s}]";
    let mut there = Some(set("1Gi", "Delete", 2, ""));
    let mut claims = vec![claim("1Gi", "1Gi", owned)];
    let mut taken = Vec::new();
    for _ in 0..10 {
        if let [request] = requests("2Gi", &claims).as_slice() {
            taken.push("raise".to_owned());
            claims = vec![claim(&request.to, "1Gi", owned)];
            continue;
        }
        let step = template("2Gi", there.as_ref(), &claims);
        match step {
            Template::Keep if there.is_none() => there = Some(set("2Gi", "Delete", 2, "")),
            Template::Keep => break,
            // What the StatefulSet's controller does of it.
            Template::Release => {
                there = Some(set("1Gi", "Retain", 2, ""));
                claims = vec![claim("2Gi", "1Gi", "")];
            }
            Template::Replace => {
                there = Some(set("1Gi", "Retain", 2, ", deletionTimestamp: '2026-11-22T10:00:00Z'"));
            }
            Template::Leaving => there = None,
        }
        taken.push(format!("{step:?}"));
    }
    assert_eq!(taken, ["raise", "Release", "Replace", "Leaving", "Keep"]);
}
