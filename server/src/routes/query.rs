//! Query parameters: names known to a resource, values percent-decoded once to bytes. A `+` is a plus sign. Pure.

use std::borrow::Cow;

use kivi_api::Problem;
use percent_encoding::percent_decode_str;

use super::problems;

/// The parameters of a query, each at most once.
pub(super) struct Query<'q>(Vec<(&'q str, &'q str)>);

impl<'q> Query<'q> {
    /// Reads a query of which the resource `what` knows these names.
    pub(super) fn read(query: Option<&'q str>, what: &str, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters: Vec<(&str, &str)> = Vec::new();
        for parameter in query.unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if !known.contains(&name) {
                return Err(problems::unknown_parameter(what, name));
            }
            if parameters.iter().any(|(earlier, _)| *earlier == name) {
                return Err(problems::malformed(name, "given more than once"));
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// A parameter as bytes.
    pub(super) fn bytes(&self, name: &str) -> Result<Option<Cow<'q, [u8]>>, Problem> {
        let Some((_, value)) = self.0.iter().find(|(known, _)| *known == name) else { return Ok(None) };
        let well_formed = value.match_indices('%').all(|(at, _)| {
            value
                .as_bytes()
                .get(at + 1..at + 3)
                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
        if !well_formed {
            return Err(problems::malformed(name, "not percent-encoded; write a literal `%` as `%25`"));
        }
        Ok(Some(percent_decode_str(value).into()))
    }

    /// A parameter that is `true`, `false` or absent.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.bytes(name)?.as_deref() {
            None | Some(b"false") => Ok(false),
            Some(b"true") => Ok(true),
            Some(_) => Err(problems::malformed(name, "neither `true` nor `false`")),
        }
    }

    /// A parameter that is a whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.bytes(name)? else { return Ok(None) };
        let digits = text.iter().all(u8::is_ascii_digit);
        let number = str::from_utf8(&text).ok().filter(|_| digits).and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| problems::malformed(name, "not a whole number"))
    }
}

/// Refuses a query of a key, which knows no parameter here.
pub(super) fn none(query: Option<&str>) -> Result<(), Problem> {
    // The hot path has none.
    if query.is_none() { Ok(()) } else { Query::read(query, "A key", &[]).map(drop) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_once_and_a_plus_is_a_plus() {
        let query = Query::read(
            Some("prefix=a%2520+b&&limit=007&reverse=true"),
            "It",
            &["prefix", "limit", "reverse"],
        )
        .unwrap();
        assert_eq!(query.bytes("prefix").unwrap().unwrap(), &b"a%20+b"[..]);
        assert_eq!(query.number("limit").unwrap(), Some(7));
        assert!(query.flag("reverse").unwrap());
        assert_eq!(query.number("after").unwrap(), None);
    }

    #[test]
    fn what_is_unknown_twice_or_malformed_is_refused_by_name() {
        for (query, expected) in [
            ("prefx=a", "`prefx`"),
            ("limit=1&limit=1", "`limit`"),
            ("limit=-1", "`limit`"),
            ("limit=", "`limit`"),
            ("limit=99999999999999999999", "`limit`"),
            ("reverse=yes", "`reverse`"),
            ("prefix=%2", "`prefix`"),
        ] {
            let read = Query::read(Some(query), "It", &["prefix", "limit", "reverse"]).and_then(|query| {
                query.bytes("prefix")?;
                query.flag("reverse")?;
                query.number("limit").map(drop)
            });
            let problem = read.unwrap_err();
            assert!(problem.detail.contains(expected), "{query}: {}", problem.detail);
        }
    }
}
