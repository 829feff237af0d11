//! Whose doing it is that a store's pods would change, and whether they are being changed. Pure: two StatefulSets in, one word
//! out.

use k8s_openapi::api::apps::v1::StatefulSet;
use kivi_crds::annotations::RESTART;
use kube::ResourceExt as _;

use crate::build::stateful_set::{GENERATION, QUEUED, TEMPLATE};

/// What an apply would do to the pods of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing, or nothing that anybody notices.
    None,
    /// What its user asks for, which is not delayed.
    Users,
    /// What the operator or its catalog brought about.
    Operators,
}

/// Compares what is there with what should be.
pub fn change(made: Option<&StatefulSet>, wanted: &StatefulSet) -> Change {
    let Some(made) = made else {
        return Change::None;
    };
    let differs =
        |annotation: &str| made.annotations().get(annotation) != wanted.annotations().get(annotation);
    let pods = |set: &StatefulSet| set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    if !differs(TEMPLATE) || pods(wanted) == 0 {
        Change::None
    } else if differs(GENERATION) || restart(made) != restart(wanted) {
        Change::Users
    } else {
        Change::Operators
    }
}

fn restart(set: &StatefulSet) -> Option<&String> {
    set.spec.as_ref()?.template.metadata.as_ref()?.annotations.as_ref()?.get(RESTART)
}

/// Notes on a StatefulSet whether its template had to wait for its turn: that is how a roll-out is known again after the
/// operator itself was replaced. What is there is kept while the template stays.
pub fn note(wanted: &mut StatefulSet, change: Change, made: Option<&StatefulSet>) {
    let keeps = || made.is_some_and(|set| set.annotations().contains_key(QUEUED));
    let noted = match change {
        Change::None => keeps(),
        Change::Users => false,
        Change::Operators => true,
    };
    if noted {
        wanted.annotations_mut().insert(QUEUED.to_owned(), "true".to_owned());
    }
}

/// Whether the operator replaces pods of its own accord, or would.
pub fn rolls(made: &StatefulSet, wanted: &StatefulSet) -> bool {
    under_way(made) || change(Some(made), wanted) == Change::Operators
}

/// The hash of a StatefulSet's template.
pub fn template(set: &StatefulSet) -> &str {
    set.annotations().get(TEMPLATE).map(String::as_str).unwrap_or_default()
}

/// Whether a StatefulSet has the template of this hash.
pub(super) fn shows(set: &StatefulSet, template: &str) -> bool {
    self::template(set) == template
}

/// Whether pods are being replaced on the operator's account. It is over when every pod had the new template and was ready;
/// what befalls a pod later is another matter.
pub(super) fn under_way(set: &StatefulSet) -> bool {
    let Some(status) = &set.status else {
        return false;
    };
    let seen = status.observed_generation >= set.metadata.generation;
    set.annotations().contains_key(QUEUED) && !(seen && status.current_revision == status.update_revision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dereferenced::Dereferenced;
    use crate::test_support::{catalog, custom_resource, now};
    use crate::validate::validate;

    /// What an operator with this catalog makes of a spec in this generation.
    fn built(
        spec: &str,
        generation: i64,
        restart: &str,
        images: &str,
        made: Option<&StatefulSet>,
    ) -> StatefulSet {
        let text =
            format!("{{{}: {{server: '{images}/server', sidecar: '{images}/sidecar'}}}}", kivi_crds::RELEASE);
        let mut store = custom_resource(spec);
        store.metadata.generation = Some(generation);
        store.annotations_mut().insert(RESTART.to_owned(), restart.to_owned());
        let found = Dereferenced { stateful_set: made.cloned(), ..Dereferenced::default() };
        let store =
            validate(&store, &found, &catalog().with(&text).unwrap(), "cluster.local", now()).unwrap();
        crate::build::stateful_set::build(&store)
    }

    #[test]
    fn a_users_change_is_told_from_the_operators() {
        let made = built("{}", 1, "a", "one", None);
        for (what, spec, generation, restart, images, expected) in [
            ("nothing", "{}", 1, "a", "one", Change::None),
            ("a field that no pod notices", "{service: {port: 80}}", 2, "a", "one", Change::None),
            ("a field", "{limits: {keyBytes: 7}}", 2, "a", "one", Change::Users),
            ("a field and the catalog", "{service: {port: 80}}", 2, "a", "two", Change::Users),
            ("a restart", "{}", 1, "b", "one", Change::Users),
            ("the catalog", "{}", 1, "a", "two", Change::Operators),
            ("the catalog, of a store that is stopped", "{stopped: true}", 1, "a", "two", Change::None),
        ] {
            let wanted = built(spec, generation, restart, images, None);
            assert_eq!(change(Some(&made), &wanted), expected, "{what}");
        }
        assert_eq!(change(None, &made), Change::None);
    }

    #[test]
    fn a_rollout_is_known_again_until_its_pods_were_ready() {
        let made = built("{}", 1, "a", "one", None);
        let wanted = built("{}", 1, "a", "two", None);
        let mut rolling = wanted.clone();
        note(&mut rolling, change(Some(&made), &wanted), Some(&made));
        rolling.metadata.generation = Some(2);
        let mut status = |observed: i64, current: &str, update: &str| {
            rolling.status = serde_json::from_value(serde_json::json!({
                "replicas": 1, "observedGeneration": observed, "currentRevision": current, "updateRevision": update,
            }))
            .unwrap();
            under_way(&rolling)
        };
        assert_eq!([status(1, "a", "a"), status(2, "a", "b"), status(2, "b", "b")], [true, true, false]);
        // At rest the note stays, and goes with the next change of the user's.
        let mut again = wanted;
        let none = change(Some(&rolling), &again);
        note(&mut again, none, Some(&rolling));
        assert_eq!(again.annotations(), rolling.annotations());
        let mut users = built("{limits: {keyBytes: 7}}", 2, "a", "two", None);
        let asked = change(Some(&rolling), &users);
        note(&mut users, asked, Some(&rolling));
        assert!(!users.annotations().contains_key(QUEUED));
        assert!(!under_way(&users));
    }
}
