//! Whether a store may be rolled out now. Pure.

/// A store that is rolled out because of the operator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rolling {
    /// Which, as `NAMESPACE/NAME`.
    pub store: String,
    /// Whether it needs a human.
    pub failed: bool,
}

/// What a store may do that the operator would roll out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Roll out.
    Now,
    /// Go on with the pods that it has.
    Waits(Wait),
}

/// What a store waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// As many are rolled out as may be.
    Full {
        /// How many that are.
        most: usize,
    },
    /// What failed elsewhere would fail here too.
    Stopped {
        /// The store whose roll-out failed.
        failed: String,
    },
    /// A pod that ends would take its volume with it.
    Volume {
        /// The claim that is being deleted.
        claim: String,
        /// Whether the store's user asks for the new template.
        asked: bool,
    },
}

impl Wait {
    /// Whether what the spec asks for is not what the pods have.
    pub fn is_asked(&self) -> bool {
        matches!(self, Self::Volume { asked: true, .. })
    }

    /// The reason of the condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Full { .. } => "RolloutQueued",
            Self::Stopped { .. } => "RolloutStopped",
            Self::Volume { .. } => "RolloutHeld",
        }
    }

    /// The message of the condition. It must not say how far the queue is: each step would be a write for all who wait.
    pub fn message(&self) -> String {
        match self {
            Self::Full { most: 1 } => {
                "A new template waits for its turn: the operator rolls one store out at a time.".to_owned()
            }
            Self::Full { most } => {
                format!("A new template waits for its turn: the operator rolls {most} stores out at a time.")
            }
            Self::Stopped { failed } => format!(
                "A new template waits: it failed at store {failed}, and others keep what they have until that one is mended."
            ),
            Self::Volume { claim, .. } => format!(
                "A new template waits: volume claim {claim} is being deleted, and would go with the pod that the template \
                 replaces. To go on without what is on it, delete the pod."
            ),
        }
    }
}

/// Whether `store` may be rolled out beside those that are, at most `most` at a time.
pub fn decide(store: &str, rolling: &[Rolling], most: usize) -> Turn {
    // It has its place; and what mends a failed roll-out is another one.
    if rolling.iter().any(|rolling| rolling.store == store) {
        return Turn::Now;
    }
    if let Some(failed) = rolling.iter().find(|rolling| rolling.failed) {
        return Turn::Waits(Wait::Stopped { failed: failed.store.clone() });
    }
    if rolling.len() >= most {
        return Turn::Waits(Wait::Full { most });
    }
    Turn::Now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rolling(stores: &[(&str, bool)]) -> Vec<Rolling> {
        stores.iter().map(|(store, failed)| Rolling { store: (*store).to_owned(), failed: *failed }).collect()
    }

    #[test]
    fn so_many_are_rolled_out_at_a_time_and_none_beside_one_that_failed() {
        let full = |most| Turn::Waits(Wait::Full { most });
        let stopped = || Turn::Waits(Wait::Stopped { failed: "shop/b".to_owned() });
        for (others, most, turn) in [
            (&[][..], 1, Turn::Now),
            (&[("shop/a", false)], 1, full(1)),
            (&[("shop/a", false)], 2, Turn::Now),
            (&[("shop/a", false), ("shop/b", false)], 2, full(2)),
            (&[("shop/b", true)], 1, stopped()),
            (&[("shop/a", false), ("shop/b", true)], 5, stopped()),
            // One that rolls may change its mind, also one that failed.
            (&[("shop/mine", false)], 1, Turn::Now),
            (&[("shop/b", true), ("shop/mine", true)], 1, Turn::Now),
        ] {
            assert_eq!(decide("shop/mine", &rolling(others), most), turn, "{others:?}, {most} at a time");
        }
    }

    #[test]
    fn who_waits_is_told_for_what() {
        let wait = Wait::Volume { claim: "log-orders-0".to_owned(), asked: false };
        assert_eq!(wait.reason(), "RolloutHeld");
        assert!(wait.message().contains("claim log-orders-0 is being deleted"), "{}", wait.message());
        let wait = Wait::Stopped { failed: "shop/b".to_owned() };
        assert_eq!(wait.reason(), "RolloutStopped");
        assert!(wait.message().contains("failed at store shop/b"), "{}", wait.message());
        for (most, words) in [(1, "one store out at a time"), (7, "7 stores out at a time")] {
            let wait = Wait::Full { most };
            assert_eq!(wait.reason(), "RolloutQueued");
            assert!(wait.message().contains(words), "{}", wait.message());
        }
    }
}
