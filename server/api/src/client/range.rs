//! Which keys a list or a watch is about, and how a query says it.

use percent_encoding::percent_encode;

use crate::key::ENCODED;
use crate::parameter;

/// Keys in the order of their bytes; all that is given holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// Keys that begin with these bytes; empty: all.
    pub prefix: Vec<u8>,
    /// Keys from this one on.
    pub start: Option<Vec<u8>>,
    /// Keys before this one.
    pub end: Option<Vec<u8>>,
}

impl KeyRange {
    /// The keys that begin with these bytes.
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> Self {
        Self { prefix: prefix.into(), ..Self::default() }
    }

    pub(super) fn write(&self, query: &mut Query) {
        if !self.prefix.is_empty() {
            query.bytes(parameter::PREFIX, &self.prefix);
        }
        for (name, bound) in [(parameter::START, &self.start), (parameter::END, &self.end)] {
            if let Some(bound) = bound {
                query.bytes(name, bound);
            }
        }
    }
}

/// A path with its parameters.
pub(super) struct Query(String);

impl Query {
    pub(super) fn of(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// Adds a parameter of any bytes.
    pub(super) fn bytes(&mut self, name: &str, value: &[u8]) {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(percent_encode(value, ENCODED));
    }

    /// Adds a parameter that is `true`, if it is.
    pub(super) fn flag(&mut self, name: &str, value: bool) {
        if value {
            self.bytes(name, b"true");
        }
    }

    pub(super) fn into_path(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_stand_in_a_query() {
        let mut query = Query::of("/v1/");
        let range = KeyRange { start: Some(b"a&b=c d+".to_vec()), ..KeyRange::prefix(b"/\xff%") };
        range.write(&mut query);
        query.flag("reverse", true);
        query.flag("keysOnly", false);
        assert_eq!(query.into_path(), "/v1/?prefix=%2F%FF%25&start=a%26b%3Dc%20d%2B&reverse=true");
    }
}
