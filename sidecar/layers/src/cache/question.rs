//! What a load asks beside the answer itself: a condition under which the upstream may spare the body.

use std::sync::Arc;

use http::HeaderMap;

use super::{conditional, stored::Stored, validation::Validation};

/// A condition of a load.
#[derive(Debug)]
pub(super) enum Question {
    /// Whether the stored answer is current (RFC 9111, 4.3).
    Stored(Validation),
    /// Whether the answer is the one that the leader has: its own condition.
    Leader,
}

impl Question {
    /// That of a load in place of `stored` for a leader with the headers `leader`. `keeps`: whether an answer
    /// that says nothing about its freshness is kept. If so the whole is of use to others, and a leader's own
    /// condition is answered from it.
    pub(super) fn of(stored: Option<&Arc<Stored>>, leader: &HeaderMap, keeps: bool) -> Option<Self> {
        if let Some(stored) = stored {
            return Validation::of(stored).map(Self::Stored);
        }
        let has_condition = || conditional::FIELDS.iter().any(|name| leader.contains_key(name));
        (!keeps && has_condition()).then_some(Self::Leader)
    }

    /// Adds the condition to the headers of a load.
    pub(super) fn ask(&self, leader: &HeaderMap, load: &mut HeaderMap) {
        match self {
            Self::Stored(validation) => validation.ask(load),
            Self::Leader => {
                for name in conditional::FIELDS {
                    for value in leader.get_all(&name) {
                        load.append(name.clone(), value.clone());
                    }
                }
            }
        }
    }
}
