//! The decision, as a function of the request's head.

use http::{HeaderMap, Method, header};
use sha2::{Digest, Sha256};

use super::Unauthorized;

/// Knows which tokens are valid. An implementation compares in constant time.
pub trait Verifier {
    /// Whether `token` is valid now.
    fn accepts(&self, token: &[u8]) -> bool;
}

impl<V: Verifier + ?Sized> Verifier for std::sync::Arc<V> {
    fn accepts(&self, token: &[u8]) -> bool {
        (**self).accepts(token)
    }
}

/// What a request without a token may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// Nothing.
    #[default]
    None,
    /// GET and HEAD.
    Read,
    /// Everything; an `Authorization` that is not ours is the upstream's and passes.
    ReadWrite,
}

/// Says of a path, as it stands in a request, whether a token is needed for it in any case.
pub type Guarded = fn(&str) -> bool;

impl Anonymous {
    /// What is left of it on a path that is guarded, or is not.
    pub(super) fn on(self, guarded: bool) -> Self {
        if guarded { Self::None } else { self }
    }
}

/// Who sent a request, as a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The holder of a valid token, by its SHA-256.
    Token([u8; 32]),
    /// Somebody without a token.
    Anonymous,
}

impl Caller {
    /// Who may pass, and as whom.
    pub(super) fn identify(
        verifier: &impl Verifier,
        anonymous: Anonymous,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Self, Unauthorized> {
        let open = match anonymous {
            Anonymous::None => false,
            Anonymous::Read => matches!(*method, Method::GET | Method::HEAD),
            Anonymous::ReadWrite => true,
        };
        let caller = match bearer(headers) {
            Ok(None) if open => Ok(Self::Anonymous),
            Ok(None) => Err(Unauthorized::Missing),
            Ok(Some(token)) if verifier.accepts(token) => Ok(Self::Token(Sha256::digest(token).into())),
            Ok(Some(_)) => Err(Unauthorized::Invalid),
            Err(refused) => Err(refused),
        };
        match caller {
            Err(_) if anonymous == Anonymous::ReadWrite => Ok(Self::Anonymous),
            decided => decided,
        }
    }
}

/// The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1; the scheme's case is free by
/// RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Result<Option<&[u8]>, Unauthorized> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(Unauthorized::Malformed);
    }
    let (scheme, token) = value.as_bytes().split_at_checked(7).ok_or(Unauthorized::Malformed)?;
    let token = token.trim_ascii();
    if !scheme.eq_ignore_ascii_case(b"bearer ") || token.is_empty() {
        return Err(Unauthorized::Malformed);
    }
    Ok(Some(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl Verifier for Two {
        fn accepts(&self, token: &[u8]) -> bool {
            matches!(token, b"old" | b"new")
        }
    }

    fn identify(
        anonymous: Anonymous,
        method: &Method,
        authorization: &[&str],
    ) -> Result<Caller, Unauthorized> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        Caller::identify(&Two, anonymous, method, &headers)
    }

    #[test]
    fn two_tokens_are_valid_at_once_and_are_two_callers() {
        let old = identify(Anonymous::None, &Method::PUT, &["Bearer old"]).unwrap();
        let new = identify(Anonymous::None, &Method::PUT, &["bearer  new "]).unwrap();
        assert_ne!(old, new);
        assert!(matches!(old, Caller::Token(_)));
    }

    #[test]
    fn anonymous_modes_open_what_they_say() {
        let (get, head, put) = (Method::GET, Method::HEAD, Method::PUT);
        for (mode, method, passes) in [
            (Anonymous::None, &get, false),
            (Anonymous::Read, &get, true),
            (Anonymous::Read, &head, true),
            (Anonymous::Read, &put, false),
            (Anonymous::ReadWrite, &put, true),
        ] {
            let caller = identify(mode, method, &[]);
            let expected = if passes { Ok(Caller::Anonymous) } else { Err(Unauthorized::Missing) };
            assert_eq!(caller, expected, "{mode:?} {method}");
        }
    }

    #[test]
    fn a_guarded_path_is_open_to_nobody() {
        for mode in [Anonymous::None, Anonymous::Read, Anonymous::ReadWrite] {
            assert_eq!(identify(mode.on(true), &Method::GET, &[]), Err(Unauthorized::Missing), "{mode:?}");
            assert!(identify(mode.on(true), &Method::GET, &["Bearer new"]).is_ok(), "{mode:?}");
            assert_eq!(mode.on(false), mode);
        }
    }

    #[test]
    fn a_bad_token_is_refused_even_where_none_is_needed() {
        assert_eq!(identify(Anonymous::Read, &Method::GET, &["Bearer bad"]), Err(Unauthorized::Invalid));
        for malformed in [&["Basic b2xk"][..], &["Bearer "], &["Bearer"], &["Bearer old", "Bearer new"]] {
            assert_eq!(
                identify(Anonymous::None, &Method::GET, malformed),
                Err(Unauthorized::Malformed),
                "{malformed:?}"
            );
        }
    }

    #[test]
    fn where_everything_is_open_a_foreign_authorization_is_not_ours_to_judge() {
        assert_eq!(identify(Anonymous::ReadWrite, &Method::PUT, &["Basic b2xk"]), Ok(Caller::Anonymous));
    }
}
