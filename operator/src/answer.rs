//! How the API server's answers are read.

use std::fmt;
use std::time::Duration;

/// What the API server said, as a sentence for a user: its own message, without the client's wrapping.
pub(crate) struct Said<'a>(pub(crate) &'a kube::Error);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            kube::Error::Api(status) => {
                write!(f, "{} ({})", status.message.trim_end_matches('.'), status.code)
            }
            kube::Error::Service(error) => error.fmt(f),
            error => error.fmt(f),
        }
    }
}

/// Whether there is no such object, or no such kind. By its code: for a group that it does not know, the
/// API server answers with a page instead of a status.
pub(crate) fn is_absent(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Whether the operator has no right to it.
pub(crate) fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

/// Whether somebody else wrote the object, or made it, in the meantime.
pub(crate) fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

/// Whether the API server understood the object, and does not take it.
pub(crate) fn is_invalid(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 422)
}

/// Whether the namespace is being deleted, so that nothing can be made in it any more.
pub(crate) fn is_leaving(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let causes = status.details.iter().flat_map(|details| &details.causes);
    status.code == 403 && causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}

/// How long the API server asks to be left alone, where it does.
pub(crate) fn retry_after(error: &kube::Error) -> Option<Duration> {
    let kube::Error::Api(status) = error else { return None };
    let seconds = u64::from(status.details.as_ref()?.retry_after_seconds);
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

/// Whether the API server will say the same again until something else changes.
pub(crate) fn is_refusal(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 400..=408 | 410..=428 | 430..=499))
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answer(code: u16) -> kube::Error {
        kube::Error::Api(Box::new(Status::failure("no room.", "Invalid").with_code(code)))
    }

    #[test]
    fn a_user_reads_the_servers_own_words() {
        assert_eq!(Said(&answer(422)).to_string(), "no room (422)");
    }

    #[test]
    fn conflicts_and_throttling_are_no_refusals() {
        for (code, absent, refusal) in [
            (404, true, true),
            (403, false, true),
            (422, false, true),
            (409, false, false),
            (429, false, false),
            (500, false, false),
        ] {
            assert_eq!((is_absent(&answer(code)), is_refusal(&answer(code))), (absent, refusal), "{code}");
        }
    }
}
