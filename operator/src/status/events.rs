//! What changed between two statuses, for the events of a store. Pure: at rest there is no change, so no
//! event.

use kivi_crds::{ConditionType, KeyValueStoreStatus};

use super::conditions::find;

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whether it is a warning.
    pub warning: bool,
    /// One word, as in a condition.
    pub reason: String,
    /// A sentence.
    pub note: String,
}

/// What changed.
pub fn changes(previous: Option<&KeyValueStoreStatus>, next: &KeyValueStoreStatus) -> Vec<Change> {
    let before = previous.map(|status| status.conditions.as_slice()).unwrap_or_default();
    let mut changes: Vec<Change> = ConditionType::ALL
        .into_iter()
        .filter_map(|type_| {
            let condition = find(&next.conditions, type_)?;
            let holds = condition.status == "True";
            let old = find(before, type_);
            let turned = old.map(|old| old.status.as_str()) != Some(condition.status.as_str());
            let other_reason = old.is_none_or(|old| old.reason != condition.reason);
            // What is worth an event: that it serves, that it stopped serving, that a human is needed, that
            // the spec should be looked at, and that it was paused or taken up again.
            let (tell, warning) = match type_ {
                ConditionType::Ready => (turned && (holds || old.is_some()), !holds),
                ConditionType::Degraded | ConditionType::ConfigurationWarning => {
                    (holds && (turned || other_reason), true)
                }
                ConditionType::ReconciliationPaused => (turned && (holds || old.is_some()), false),
                ConditionType::BackupReady => (!holds && old.is_some() && (turned || other_reason), true),
                // That clients are to load a new bundle, or that somebody is to look after the certificate.
                ConditionType::CertificateReady => match condition.reason.as_str() {
                    "AuthorityRolling" => (other_reason, false),
                    "EndsSoon" | "NameMissing" | "ChainBroken" | "NotTrusted" => (other_reason, true),
                    _ => (false, false),
                },
                ConditionType::Progressing | ConditionType::StorageReady => (false, false),
            };
            tell.then(|| Change {
                warning: warning && !matches!(condition.reason.as_str(), "Stopped" | "RollingOut"),
                reason: condition.reason.clone(),
                note: condition.message.clone(),
            })
        })
        .collect();
    // One cause is told once: a store that cannot be built is both not ready and degraded.
    changes.dedup_by(|later, earlier| later.reason == earlier.reason && later.note == earlier.note);
    let issued = |status: &KeyValueStoreStatus| status.certificate.as_ref().map_or(0, |c| c.generation);
    if issued(next) > previous.map_or(0, issued) {
        let not_after = next.certificate.as_ref().map(|c| c.not_after.as_str()).unwrap_or_default();
        changes.push(Change {
            warning: false,
            reason: "CertificateIssued".to_owned(),
            note: format!("A certificate was issued; it ends at {not_after}."),
        });
    }
    changes
}
