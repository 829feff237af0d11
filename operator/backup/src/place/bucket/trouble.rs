//! What a bucket's errors mean, in sentences. Pure.

use std::{error::Error as StdError, io};

use object_store::{Error, client::HttpError};
use rustls::CertificateError;

use super::verifier::may_issue;

use crate::place::PlaceError;

/// What was being done, to what.
pub(super) struct Doing<'a> {
    pub(super) action: &'static str,
    pub(super) url: String,
    pub(super) bucket: &'a str,
}

/// Words of S3 for credentials that it refuses.
const CREDENTIALS: [&str; 9] = [
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "ExpiredToken",
    "TokenRefreshRequired",
    "AuthorizationHeaderMalformed",
    "RequestTimeTooSkewed",
    "InvalidClientTokenId",
    // versitygw's word, with a 404.
    "XAdminUserNotFound",
];

/// Words for a server without room.
const FULL: [&str; 4] =
    ["QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "XMinioAdminBucketQuotaExceeded"];

/// The longest text of a server that is repeated, in characters.
const REPEATED: usize = 200;

impl Doing<'_> {
    pub(super) fn failed(&self, error: &Error) -> PlaceError {
        let (action, url) = (self.action, self.url.clone());
        if let Some(wrong) = certificate(error) {
            return PlaceError::Untrusted { action, url, reason: flaw(wrong) };
        }
        let text = error.to_string();
        let code = element(&text, "Code").unwrap_or_default().to_owned();
        let status = status(&text);
        if CREDENTIALS.contains(&code.as_str()) || matches!(error, Error::Unauthenticated { .. }) {
            return PlaceError::Credentials { action, url, code: or_status(code, status) };
        }
        if code == "NoSuchBucket" {
            return PlaceError::NoBucket { action, url, bucket: self.bucket.to_owned() };
        }
        if FULL.contains(&code.as_str()) || status == Some(507) {
            return PlaceError::Full { action, url };
        }
        if matches!(error, Error::PermissionDenied { .. }) {
            return PlaceError::Denied { action, url, code: or_status(code, status) };
        }
        match status {
            Some(status) if status >= 500 || matches!(status, 408 | 429) => {
                let answer = if code.is_empty() { status.to_string() } else { format!("{status} {code}") };
                PlaceError::Unavailable { action, url, answer }
            }
            Some(status) => {
                let message = element(&text, "Message").unwrap_or("without a reason");
                let reason = format!("the server answers {status} {code}: {}", short(message));
                PlaceError::Refused { action, url, reason }
            }
            None => match causes(error).find(|cause| cause.is::<HttpError>()) {
                Some(cause) => PlaceError::Unreachable { action, url, reason: last_words(cause) },
                None => PlaceError::Refused { action, url, reason: short(&text) },
            },
        }
    }
}

/// Whether there is no such object; that there is no such bucket, or user, is another matter.
pub(super) fn is_absent(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. })
        && element(&error.to_string(), "Code").is_none_or(|code| code == "NoSuchKey")
}

/// Whether a server knows no conditions of a write.
pub(super) fn is_unknown_condition(error: &Error) -> bool {
    let text = error.to_string();
    status(&text) == Some(501) || element(&text, "Code") == Some("NotImplemented")
}

/// What is wrong with the server's certificate, where that is the error.
pub(super) fn certificate<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    causes(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>() {
        Some(wrong @ rustls::Error::InvalidCertificate(_)) => Some(wrong),
        Some(_) => None,
        // It does not tell of what it carries as of its cause.
        None => certificate(cause.downcast_ref::<io::Error>()?.get_ref()?),
    })
}

/// What it is, and what can be done about it.
fn flaw(wrong: &rustls::Error) -> String {
    const UNKNOWN: &str = "is of no authority that is trusted here; name its authority by caSecretRef of the destination, or by AWS_CA_BUNDLE";
    let rustls::Error::InvalidCertificate(reason) = wrong else { return wrong.to_string() };
    match reason {
        CertificateError::UnknownIssuer => UNKNOWN.to_owned(),
        CertificateError::Other(_) if may_issue(wrong) => UNKNOWN.to_owned(),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "is for another name; check the endpoint, or give the server one that names it".to_owned()
        }
        other => format!("is refused: {}", short(&other.to_string())),
    }
}

fn or_status(code: String, status: Option<u16>) -> String {
    if code.is_empty() {
        status.map_or_else(|| "denied".to_owned(), |status| status.to_string())
    } else {
        code
    }
}

/// The text of an XML element without attributes, as S3's errors have them.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner)
}

/// The status that the client's text tells.
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status code: ")?;
    rest.get(..3)?.parse().ok()
}

fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The innermost cause says what happened; those around it, that something did.
fn last_words(error: &(dyn StdError + 'static)) -> String {
    causes(error).last().map_or_else(String::new, |cause| short(&cause.to_string()))
}

fn short(text: &str) -> String {
    text.chars().take(REPEATED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(kind: fn(String, Box<dyn StdError + Send + Sync>) -> Error, text: &str) -> String {
        let error = kind("p".to_owned(), text.into());
        Doing { action: "write", url: "s3://b/p".to_owned(), bucket: "b" }.failed(&error).to_string()
    }

    fn answered(status: &str, code: &str) -> String {
        format!(
            "Error performing PUT http://s3/b/p in 3ms - Server returned non-2xx status code: {status}: <?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>As it is.</Message></Error>"
        )
    }

    #[test]
    fn each_answer_is_one_sentence_with_the_way_out() {
        let denied = |path, source| Error::PermissionDenied { path, source };
        let missing = |path, source| Error::NotFound { path, source };
        let generic = |_, source| Error::Generic { store: "S3", source };
        for (said, expected) in [
            (
                sentence(denied, &answered("403 Forbidden", "InvalidAccessKeyId")),
                "cannot write s3://b/p: the server refuses the credentials (InvalidAccessKeyId); check AWS_ACCESS_KEY_ID and its secret",
            ),
            (
                sentence(denied, &answered("403 Forbidden", "AccessDenied")),
                "cannot write s3://b/p: the access key may not do that (AccessDenied); let it list, read, write and delete objects there",
            ),
            (
                sentence(missing, &answered("404 Not Found", "NoSuchBucket")),
                "cannot write s3://b/p: there is no bucket `b`; make it, or name another one",
            ),
            (
                sentence(generic, &answered("503 Service Unavailable", "SlowDown")),
                "cannot write s3://b/p: the server answers 503 SlowDown, also when it is asked again; try again later",
            ),
            (
                sentence(generic, &answered("507 Insufficient Storage", "XMinioStorageFull")),
                "cannot write s3://b/p: the volume is full; free space, keep fewer backups, or grow it",
            ),
            (
                sentence(generic, &answered("400 Bad Request", "EntityTooLarge")),
                "cannot write s3://b/p: the server answers 400 EntityTooLarge: As it is.",
            ),
            (sentence(generic, "no idea"), "cannot write s3://b/p: Generic S3 error: no idea"),
        ] {
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn an_object_that_is_absent_is_told_from_a_bucket_that_is() {
        let missing =
            |code: &str| Error::NotFound { path: "p".to_owned(), source: answered("404", code).into() };
        assert!(is_absent(&missing("NoSuchKey")));
        assert!(!is_absent(&missing("NoSuchBucket")));
    }
}
