//! What must hold for a write to happen. A pure function of the key's revision at the head of the log.

/// A condition on the key's revision just before the write.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Condition {
    /// Nothing: the write always happens.
    #[default]
    None,
    /// The key is present.
    Exists,
    /// The key is absent.
    Absent,
    /// The key is present with one of these revisions.
    RevisionIn(Vec<u64>),
    /// The key is absent, or present with none of these revisions.
    RevisionNotIn(Vec<u64>),
}

impl Condition {
    /// Whether it holds for a key of this revision; `None` is an absent key.
    pub(crate) fn holds(&self, current: Option<u64>) -> bool {
        match (self, current) {
            (Self::None, _) | (Self::Exists, Some(_)) | (Self::Absent | Self::RevisionNotIn(_), None) => true,
            (Self::Exists | Self::RevisionIn(_), None) | (Self::Absent, Some(_)) => false,
            (Self::RevisionIn(revisions), Some(current)) => revisions.contains(&current),
            (Self::RevisionNotIn(revisions), Some(current)) => !revisions.contains(&current),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Condition;

    #[test]
    fn each_condition_is_decided_by_the_current_revision() {
        let table = [
            (Condition::None, true, true, true),
            (Condition::Exists, false, true, true),
            (Condition::Absent, true, false, false),
            (Condition::RevisionIn(vec![3, 7]), false, true, false),
            (Condition::RevisionIn(vec![]), false, false, false),
            (Condition::RevisionNotIn(vec![3, 7]), true, false, true),
        ];
        for (condition, absent, seven, eight) in table {
            assert_eq!(condition.holds(None), absent, "{condition:?}, absent");
            assert_eq!(condition.holds(Some(7)), seven, "{condition:?}, revision 7");
            assert_eq!(condition.holds(Some(8)), eight, "{condition:?}, revision 8");
        }
    }
}
