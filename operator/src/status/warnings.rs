//! What of a sound spec has no effect, or may do harm later. Pure. The user's values stand: this only says so.

use kivi_crds::ConditionType;
use kivi_crds::settings::SidecarSettings;

use super::conditions::Conditions;
use super::memory;
use crate::model::Store;

/// Sets the condition: all sentences, and the reason of the first.
pub(super) fn condition(store: &Store, conditions: Conditions) -> Conditions {
    let memory = memory::warning(store).map(|sentence| ("MemoryLimitLow", sentence));
    let idle = without_sidecar(&store.settings.sidecar).map(|sentence| ("SidecarDisabled", sentence));
    let unknown = store.unknown_kinds.iter().map(|sentence| ("KindNotKnown", sentence.clone()));
    let (reasons, sentences): (Vec<&str>, Vec<String>) =
        memory.into_iter().chain(idle).chain(unknown).unzip();
    let warning = ConditionType::ConfigurationWarning;
    match reasons.first() {
        Some(reason) => conditions.set(warning, true, reason, sentences.join(" ")),
        None => conditions.set(warning, false, "AsExpected", "Everything in the spec has its effect."),
    }
}

/// What is set of a sidecar that does not run. Traces are the server's too.
fn without_sidecar(sidecar: &SidecarSettings) -> Option<String> {
    let usual = SidecarSettings::default();
    let set = [
        ("cache", sidecar.cache != usual.cache),
        ("throttle", sidecar.throttle != usual.throttle),
        ("timeouts", sidecar.timeouts != usual.timeouts),
        ("maxInFlight", sidecar.max_in_flight != usual.max_in_flight),
        ("resources", sidecar.resources != usual.resources),
    ];
    let set: Vec<String> =
        set.into_iter().filter(|(_, set)| *set).map(|(name, _)| format!("spec.sidecar.{name}")).collect();
    let verb = if set.len() == 1 { "has" } else { "have" };
    (!sidecar.enabled && !set.is_empty())
        .then(|| format!("{} {verb} no effect: spec.sidecar.enabled is false.", set.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::store;

    #[test]
    fn what_is_set_of_a_sidecar_that_does_not_run_is_named() {
        let warned = |spec: &str| without_sidecar(&store(spec).settings.sidecar);
        for effective in [
            "{}",
            "{sidecar: {throttle: {rate: 5}, maxInFlight: 7}}",
            "{sidecar: {enabled: false, cache: {ttl: 0s}, maxInFlight: 10000}}",
            "{sidecar: {enabled: false, tracing: {endpoint: 'http://collector:4317'}}}",
        ] {
            assert_eq!(warned(effective), None, "{effective}");
        }
        for (set, sentence) in [
            ("throttle: {rate: 5}", "spec.sidecar.throttle has"),
            (
                "cache: {ttl: 5s}, timeouts: {idle: 1h}, maxInFlight: 7",
                "spec.sidecar.cache, spec.sidecar.timeouts, spec.sidecar.maxInFlight have",
            ),
            ("resources: {limits: {cpu: 1}}", "spec.sidecar.resources has"),
        ] {
            let told = warned(&format!("{{sidecar: {{enabled: false, {set}}}}}")).unwrap();
            assert_eq!(told, format!("{sentence} no effect: spec.sidecar.enabled is false."));
        }
    }

    #[test]
    fn the_condition_holds_while_something_has_no_effect() {
        use crate::status::conditions;
        use crate::test_support::now;
        for (spec, status, reason) in [
            ("{sidecar: {enabled: false, throttle: {rate: 5}}}", "True", "SidecarDisabled"),
            ("{sidecar: {enabled: false}}", "False", "AsExpected"),
        ] {
            let all = condition(&store(spec), Conditions::new(&[], 1, now())).finish();
            let told = conditions::find(&all, ConditionType::ConfigurationWarning).unwrap();
            assert_eq!((told.status.as_str(), told.reason.as_str()), (status, reason), "{spec}");
        }
    }
}
