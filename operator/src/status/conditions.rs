//! Conditions (KEP-1623): one observation each; the time of a transition changes with its status only.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kivi_crds::ConditionType;

/// The conditions of a store, on their way from the previous status to the next.
#[derive(Debug, Clone)]
pub struct Conditions {
    previous: Vec<Condition>,
    next: Vec<(ConditionType, Condition)>,
    generation: i64,
    now: Timestamp,
}

/// The longest message that the API server takes.
const MAX_MESSAGE: usize = 32_768;

impl Conditions {
    /// Conditions that speak of this generation. Those that are not set stay as they were.
    pub fn new(previous: &[Condition], generation: i64, now: Timestamp) -> Self {
        Self { previous: previous.to_vec(), next: Vec::new(), generation, now }
    }

    /// Sets one.
    #[must_use]
    pub fn set(
        mut self,
        type_: ConditionType,
        status: bool,
        reason: &str,
        message: impl Into<String>,
    ) -> Self {
        let (word, message) = (type_.as_str(), message.into());
        let condition = condition(&self.previous, word, status, reason, message, self.generation, self.now);
        self.next.retain(|(other, _)| *other != type_);
        self.next.push((type_, condition));
        self
    }

    /// Leaves out one that means nothing here, whatever the previous status says.
    #[must_use]
    pub fn without(mut self, type_: ConditionType) -> Self {
        self.previous.retain(|condition| condition.type_ != type_.as_str());
        self.next.retain(|(other, _)| *other != type_);
        self
    }

    /// One as it was before.
    pub fn before(&self, type_: ConditionType) -> Option<&Condition> {
        find(&self.previous, type_)
    }

    /// Whether one was set, and holds.
    pub fn holds(&self, type_: ConditionType) -> bool {
        self.next.iter().any(|(other, condition)| *other == type_ && condition.status == "True")
    }

    /// All of them, in the order of [`ConditionType::ALL`].
    pub fn finish(self) -> Vec<Condition> {
        let Self { previous, next, .. } = self;
        ConditionType::ALL
            .into_iter()
            .filter_map(|type_| {
                next.iter()
                    .find(|(other, _)| *other == type_)
                    .map(|(_, condition)| condition.clone())
                    .or_else(|| previous.iter().find(|condition| condition.type_ == type_.as_str()).cloned())
            })
            .collect()
    }
}

/// One condition, after those of an earlier status.
pub fn condition(
    previous: &[Condition],
    type_: &str,
    status: bool,
    reason: &str,
    mut message: String,
    generation: i64,
    now: Timestamp,
) -> Condition {
    // Status is written in whole seconds.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let status = if status { "True" } else { "False" };
    let before = previous.iter().find(|condition| condition.type_ == type_);
    let since = before
        .filter(|condition| condition.status == status)
        .map_or(Time(now), |condition| condition.last_transition_time.clone());
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
    }
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        last_transition_time: since,
        observed_generation: Some(generation),
    }
}

/// A condition of a status.
pub fn find(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    conditions.iter().find(|condition| condition.type_ == type_.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_time_of_transition_changes_with_the_status_only() {
        let (early, late) = (at("2026-11-22T10:00:00Z"), at("2026-11-22T11:00:00Z"));
        let first =
            Conditions::new(&[], 1, early).set(ConditionType::Ready, false, "Starting", "One.").finish();
        let same =
            Conditions::new(&first, 2, late).set(ConditionType::Ready, false, "Other", "Two.").finish();
        assert_eq!(same[0].last_transition_time.0, early);
        assert_eq!((same[0].reason.as_str(), same[0].observed_generation), ("Other", Some(2)));
        let turned = Conditions::new(&same, 2, late).set(ConditionType::Ready, true, "Serving", "").finish();
        assert_eq!(turned[0].last_transition_time.0, late);
    }

    #[test]
    fn what_is_not_set_stays_and_the_order_is_fixed() {
        let now = at("2026-11-22T10:00:00Z");
        let first = Conditions::new(&[], 1, now)
            .set(ConditionType::StorageReady, true, "Bound", "")
            .set(ConditionType::Ready, true, "Serving", "")
            .finish();
        let next =
            Conditions::new(&first, 2, now).set(ConditionType::Degraded, false, "AsExpected", "").finish();
        let types: Vec<_> = next.iter().map(|condition| condition.type_.as_str()).collect();
        assert_eq!(types, ["Ready", "Degraded", "StorageReady"]);
        assert_eq!(next[0].observed_generation, Some(1));
    }
}
