//! The request headers that an answer nominates by `Vary` (RFC 9111, 4.1).

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::directives::split_list;

/// The names that a `Vary` nominates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VaryNames(Arc<[HeaderName]>);

/// The names, and the values that the request of the answer had.
#[derive(Debug, Clone)]
pub(super) struct Nominated {
    names: VaryNames,
    values: Arc<[Box<[HeaderValue]>]>,
}

impl VaryNames {
    /// The names in an answer's `Vary`. `None`: it has `*`, or a member that is no name, so no other
    /// request is ever known to match.
    pub(super) fn of(answer: &HeaderMap) -> Option<Self> {
        let mut names = Vec::new();
        for line in answer.get_all(header::VARY) {
            for member in split_list(line.as_bytes()) {
                if member == b"*" {
                    return None;
                }
                names.push(HeaderName::from_bytes(member).ok()?);
            }
        }
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        Some(Self(Arc::from(names)))
    }

    /// Whether two requests have equal values in all of these.
    pub(super) fn agree(&self, one: &HeaderMap, other: &HeaderMap) -> bool {
        self.0.iter().all(|name| one.get_all(name).iter().eq(other.get_all(name)))
    }

    /// These names with the values of `request`, copied so that they hold nothing else of it.
    pub(super) fn nominate(self, request: &HeaderMap) -> Nominated {
        let copy =
            |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
        let values = self.0.iter().map(|name| request.get_all(name).iter().map(copy).collect()).collect();
        Nominated { names: self, values }
    }
}

impl Nominated {
    /// Whether `request` selects the answer.
    pub(super) fn matches(&self, request: &HeaderMap) -> bool {
        self.names
            .0
            .iter()
            .zip(self.values.iter())
            .all(|(name, values)| request.get_all(name).iter().eq(values.iter()))
    }

    /// The names alone.
    pub(super) fn names(&self) -> &VaryNames {
        &self.names
    }

    /// Whether two answers are selected by the same requests.
    pub(super) fn selects_same(&self, other: &Self) -> bool {
        self.names == other.names && self.values == other.values
    }

    /// Bytes on the heap.
    pub(super) fn weight(&self) -> usize {
        let values: usize = self.values.iter().flatten().map(|value| 64 + value.len()).sum();
        self.names.0.len() * 64 + values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn vary(line: &'static str) -> Option<VaryNames> {
        VaryNames::of(&headers(&[(header::VARY, line)]))
    }

    #[test]
    fn equal_nominated_headers_match_and_others_play_no_part() {
        let first = headers(&[(header::ACCEPT, "a"), (header::USER_AGENT, "one")]);
        let nominated = vary("Accept, Accept-Language").unwrap().nominate(&first);
        assert!(nominated.matches(&headers(&[(header::ACCEPT, "a"), (header::USER_AGENT, "two")])));
        assert!(!nominated.matches(&headers(&[(header::ACCEPT, "b")])));
        assert!(!nominated.matches(&headers(&[(header::ACCEPT, "a"), (header::ACCEPT_LANGUAGE, "fr")])));
        assert!(!nominated.matches(&HeaderMap::new()));
    }

    #[test]
    fn a_star_or_a_malformed_name_matches_nothing() {
        assert_eq!(vary("accept, *"), None);
        assert_eq!(vary("a b"), None);
    }

    #[test]
    fn order_case_and_repetition_of_names_do_not_matter() {
        assert_eq!(vary("ACCEPT, origin, accept"), vary("Origin, Accept"));
    }
}
