//! The request headers that an answer nominates by `Vary` (RFC 9111, 4.1).

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{directives::split_list, weight};

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
        Some(Self::sorted(names))
    }

    /// These names and more.
    pub(super) fn and(&self, more: &[HeaderName]) -> Self {
        let mut names = self.0.to_vec();
        names.extend_from_slice(more);
        Self::sorted(names)
    }

    fn sorted(mut names: Vec<HeaderName>) -> Self {
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        Self(list(names))
    }

    /// Whether two requests match in all of these.
    pub(super) fn agree(&self, one: &HeaderMap, other: &HeaderMap) -> bool {
        self.0.iter().all(|name| same(name, || one.get_all(name).iter(), || other.get_all(name).iter()))
    }

    /// These names with the values of `request`, copied so that they hold nothing else of it.
    pub(super) fn nominate(self, request: &HeaderMap) -> Nominated {
        let copy =
            |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| value.clone());
        let values = self.0.iter().map(|name| request.get_all(name).iter().map(copy).collect()).collect();
        Nominated { names: self, values: list(values) }
    }
}

impl Nominated {
    /// Whether `request` selects the answer.
    pub(super) fn matches(&self, request: &HeaderMap) -> bool {
        self.names
            .0
            .iter()
            .zip(self.values.iter())
            .all(|(name, values)| same(name, || request.get_all(name).iter(), || values.iter()))
    }

    /// The names alone.
    pub(super) fn names(&self) -> &VaryNames {
        &self.names
    }

    /// Whether two answers are selected by the same requests.
    pub(super) fn selects_same(&self, other: &Self) -> bool {
        let values = self.values.iter().zip(other.values.iter());
        self.names == other.names
            && self
                .names
                .0
                .iter()
                .zip(values)
                .all(|(name, (one, other))| same(name, || one.iter(), || other.iter()))
    }

    /// Bytes on the heap.
    pub(super) fn weight(&self) -> usize {
        let names = &self.names.0;
        if names.is_empty() {
            return 0;
        }
        let values: usize = self.values.iter().flatten().map(|value| weight::allocation(value.len())).sum();
        let lists = self.values.iter().filter(|list| !list.is_empty());
        weight::shared(size_of_val(&**names))
            + names.iter().map(weight::name).sum::<usize>()
            + weight::shared(size_of_val(&*self.values))
            + lists.map(|list| weight::allocation(size_of_val(&**list))).sum::<usize>()
            + values
    }
}

/// A shared list. Most answers have no `Vary`: all empty lists are one.
fn list<T>(items: Vec<T>) -> Arc<[T]> {
    if items.is_empty() { Arc::default() } else { Arc::from(items) }
}

/// Whether two requests with these lines of one header match (RFC 9111, 4.1): an absent one matches only an
/// absent one. Of the lists by which content is negotiated it does not matter how they are spread over
/// lines, nor space, nor, where the members are names, case.
fn same<'a, A, B>(name: &HeaderName, one: impl Fn() -> A, other: impl Fn() -> B) -> bool
where
    A: Iterator<Item = &'a HeaderValue>,
    B: Iterator<Item = &'a HeaderValue>,
{
    if one().eq(other()) {
        return true;
    }
    let has_case = *name == header::ACCEPT;
    let is_list =
        has_case || [header::ACCEPT_ENCODING, header::ACCEPT_LANGUAGE, header::ACCEPT_CHARSET].contains(name);
    let both_present = one().next().is_some() && other().next().is_some();
    is_list && both_present && normal(one(), has_case).eq(normal(other(), has_case))
}

/// The bytes of a list in its plainest form: a comma after each member, no space outside of quotes.
fn normal<'a>(lines: impl Iterator<Item = &'a HeaderValue>, has_case: bool) -> impl Iterator<Item = u8> {
    lines.flat_map(|line| split_list(line.as_bytes())).flat_map(move |member| {
        let mut quoted = false;
        let bytes = member.iter().copied().filter(move |byte| {
            quoted ^= *byte == b'"';
            quoted || !matches!(byte, b' ' | b'\t')
        });
        bytes.map(move |byte| if has_case { byte } else { byte.to_ascii_lowercase() }).chain([b','])
    })
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

    #[test]
    fn lists_match_however_they_are_written() {
        let matches = |name: HeaderName, one: &[&'static str], other: &[&'static str]| {
            let request = |lines: &[&'static str]| {
                let mut headers = HeaderMap::new();
                for line in lines {
                    headers.append(name.clone(), HeaderValue::from_static(line));
                }
                headers
            };
            let names = VaryNames(Arc::from([name.clone()]));
            let (one, other) = (request(one), request(other));
            let matches = names.clone().nominate(&one).matches(&other);
            assert_eq!(matches, names.agree(&other, &one));
            let other = names.clone().nominate(&other);
            assert_eq!(matches, names.nominate(&one).selects_same(&other));
            matches
        };
        for (one, other) in [
            (&["gzip, br;q=0.5"][..], &["GZIP ,br; q=0.5"][..]),
            (&["gzip, br"], &["gzip", "br"]),
            (&["gzip, br"], &["gzip,, br,"]),
        ] {
            assert!(matches(header::ACCEPT_ENCODING, one, other), "{one:?} {other:?}");
            assert!(!matches(header::USER_AGENT, one, other), "no list");
        }
        for (one, other) in [
            (&["gzip, br"][..], &["br, gzip"][..]),
            (&["gzip"], &["gzip, br"]),
            (&["gzip,br"], &["gzipbr"]),
            (&[""], &[]),
            (&[], &["gzip"]),
        ] {
            assert!(!matches(header::ACCEPT_ENCODING, one, other), "{one:?} {other:?}");
        }
        assert!(matches(header::ACCEPT, &["a/b; c=D"], &["a/b;c=D"]));
        assert!(!matches(header::ACCEPT, &["a/b;c=D"], &["a/b;c=d"]), "a parameter may have case");
        assert!(!matches(header::ACCEPT, &["a/b;c=\"x y\""], &["a/b;c=\"xy\""]));
    }
}
