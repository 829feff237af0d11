//! What of a sound spec has no effect, or may do harm later. Pure. The user's values stand: this only says so.

use kivi_crds::ConditionType;

use super::conditions::Conditions;
use super::memory;
use crate::model::Store;

/// Sets the condition: all sentences, and the reason of the first.
pub(super) fn condition(store: &Store, conditions: Conditions) -> Conditions {
    let memory = memory::warning(store).map(|sentence| ("MemoryLimitLow", sentence));
    let unknown = store.unknown_kinds.iter().map(|sentence| ("KindNotKnown", sentence.clone()));
    let (reasons, sentences): (Vec<&str>, Vec<String>) = memory.into_iter().chain(unknown).unzip();
    let warning = ConditionType::ConfigurationWarning;
    match reasons.first() {
        Some(reason) => conditions.set(warning, true, reason, sentences.join(" ")),
        None => conditions.set(warning, false, "AsExpected", "Everything in the spec has its effect."),
    }
}
