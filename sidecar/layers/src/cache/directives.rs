//! `Cache-Control` of an answer and of a request (RFC 9111, 5.2), as far as decisions need it.

use std::time::Duration;

use http::{HeaderMap, header};

/// The directives that are known. Qualified forms (`private="x-a"`) count as unqualified, which RFC 9111
/// (5.2.2.4, 5.2.2.7) allows and which errs on the safe side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "directives are flags on the wire")]
pub(super) struct Directives {
    /// They are of a targeted field, which goes before `Expires` too (RFC 9213, 2.2).
    pub(super) targeted: bool,
    /// `no-store` (5.2.1.5, 5.2.2.5).
    pub(super) no_store: bool,
    /// `no-cache` (5.2.1.4, 5.2.2.4).
    pub(super) no_cache: bool,
    /// `private` (5.2.2.7).
    pub(super) private: bool,
    /// `public` (5.2.2.9).
    pub(super) public: bool,
    /// `must-revalidate` (5.2.2.2).
    pub(super) must_revalidate: bool,
    /// `proxy-revalidate` (5.2.2.8).
    pub(super) proxy_revalidate: bool,
    /// `must-understand` (5.2.2.3).
    pub(super) must_understand: bool,
    /// `only-if-cached` (5.2.1.7).
    pub(super) only_if_cached: bool,
    /// `min-fresh` (5.2.1.3); longer than any where its argument is invalid.
    pub(super) min_fresh: Option<Duration>,
    /// `max-stale` (5.2.1.2); the longest time where it names none.
    pub(super) max_stale: Option<Duration>,
    /// `stale-while-revalidate` (RFC 5861, 3).
    pub(super) stale_while_revalidate: Option<Duration>,
    /// `stale-if-error` (RFC 5861, 4).
    pub(super) stale_if_error: Option<Duration>,
    /// `max-age` (5.2.1.1, 5.2.2.1).
    pub(super) max_age: Option<Duration>,
    /// `s-maxage` (5.2.2.10).
    pub(super) shared_max_age: Option<Duration>,
}

/// What a directive has behind its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Argument {
    /// Nothing.
    None,
    /// A time.
    Seconds(Duration),
    /// Something else.
    Invalid,
}

/// Delta-seconds that overflow count as this many (1.2.2).
const GREATEST: u64 = 1 << 31;

impl Argument {
    /// Delta-seconds.
    pub(super) fn seconds(seconds: u64) -> Self {
        Self::Seconds(Duration::from_secs(seconds.min(GREATEST)))
    }
}

impl Directives {
    /// Reads every `Cache-Control` line.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for line in headers.get_all(header::CACHE_CONTROL) {
            for directive in split_list(line.as_bytes()) {
                let mut halves = directive.splitn(2, |byte| *byte == b'=');
                let name = halves.next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
                let argument = halves.next().map_or(Argument::None, |text| {
                    delta_seconds(text).map_or(Argument::Invalid, Argument::Seconds)
                });
                found.note(&name, argument);
            }
        }
        found
    }

    /// Whether a shared cache must not use the answer stale: `s-maxage` implies `proxy-revalidate`
    /// (5.2.2.10).
    pub(super) fn forbids_stale(&self) -> bool {
        self.must_revalidate || self.proxy_revalidate || self.shared_max_age.is_some()
    }

    /// Whether the answer to a request with credentials may be shared (3.5). `proxy-revalidate` alone does
    /// not say so.
    pub(super) fn allows_credentials(&self) -> bool {
        self.public || self.must_revalidate || self.shared_max_age.is_some()
    }

    /// Adds a directive, by its name in lower case. Unknown ones are ignored (5.2.3).
    pub(super) fn note(&mut self, name: &[u8], argument: Argument) {
        match name {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"private" => self.private = true,
            b"public" if argument == Argument::None => self.public = true,
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"must-understand" => self.must_understand = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"min-fresh" => {
                let least = if let Argument::Seconds(least) = argument { least } else { Duration::MAX };
                self.min_fresh = self.min_fresh.max(Some(least));
            }
            b"max-stale" if argument == Argument::None => {
                self.max_stale = self.max_stale.or(Some(Duration::MAX));
            }
            b"max-stale" => self.max_stale = Some(least(self.max_stale, argument)),
            b"stale-while-revalidate" => {
                self.stale_while_revalidate = Some(least(self.stale_while_revalidate, argument));
            }
            b"stale-if-error" => self.stale_if_error = Some(least(self.stale_if_error, argument)),
            b"max-age" => self.max_age = Some(least(self.max_age, argument)),
            b"s-maxage" => self.shared_max_age = Some(least(self.shared_max_age, argument)),
            _ => {}
        }
    }
}

/// The smaller of what was said before and this argument: of contradicting directives the more
/// restrictive counts (4.2.1), and an invalid one means stale.
fn least(before: Option<Duration>, argument: Argument) -> Duration {
    let now = if let Argument::Seconds(now) = argument { now } else { Duration::ZERO };
    before.map_or(now, |before| before.min(now))
}

/// Delta-seconds (1.2.2), also in the quoted form that recipients ought to accept; what overflows counts
/// as 2^31.
pub(super) fn delta_seconds(text: &[u8]) -> Option<Duration> {
    let digits = text.trim_ascii();
    let digits = digits.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds =
        digits.iter().fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
    Some(Duration::from_secs(seconds.min(GREATEST)))
}

/// The members of a comma-separated list; commas within quotes do not separate (RFC 9110, 5.6.1).
pub(super) fn split_list(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    line.split(move |byte| {
        if escaped {
            escaped = false;
            return false;
        }
        match byte {
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' => return !quoted,
            _ => {}
        }
        false
    })
    .map(<[u8]>::trim_ascii)
    .filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(lines: &[&'static str]) -> Directives {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::CACHE_CONTROL, HeaderValue::from_static(line));
        }
        Directives::of(&headers)
    }

    #[test]
    fn several_lines_and_cases_are_one_list() {
        let found = of(&["Public, Max-Age=60", "s-maxage=\"5\""]);
        assert!(found.public && found.forbids_stale() && !found.must_revalidate);
        assert_eq!(found.max_age, Some(Duration::from_mins(1)));
        assert_eq!(found.shared_max_age, Some(Duration::from_secs(5)));
    }

    #[test]
    fn the_more_restrictive_of_two_counts_and_an_invalid_age_is_stale() {
        assert_eq!(of(&["max-age=9, max-age=3"]).max_age, Some(Duration::from_secs(3)));
        assert_eq!(of(&["max-age=soon"]).max_age, Some(Duration::ZERO));
        assert_eq!(of(&["max-age=-1"]).max_age, Some(Duration::ZERO));
        assert_eq!(of(&["max-age"]).max_age, Some(Duration::ZERO));
        assert_eq!(of(&["max-age=99999999999999999999999"]).max_age, Some(Duration::from_secs(1 << 31)));
    }

    #[test]
    fn a_qualified_form_counts_and_its_commas_do_not_separate() {
        let found = of(&["private=\"x-a, no-store\", max-age=1"]);
        assert!(found.private && !found.no_store);
        assert_eq!(found.max_age, Some(Duration::from_secs(1)));
    }
}
