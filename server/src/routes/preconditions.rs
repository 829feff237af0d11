//! Conditional requests (RFC 9110 section 13): reads the header fields, decides. Pure.
//!
//! On a read they are evaluated here, on the entry that would be returned. On a write the store evaluates
//! them at the log's head, atomically with the write; what its [`Condition`] cannot say is evaluated here
//! on an observed entry, and the write is then bound to that very entry.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE};
use http::{HeaderMap, HeaderName};
use kivi_api::EntityTag;
use kivi_store::Condition;
use thiserror::Error;

/// A field that is not a list of entity tags.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{field}` is neither `*` nor a list of entity tags in double quotes, as in `\"17\", \"18\"`")]
pub(crate) struct MalformedTags {
    field: HeaderName,
}

/// What `If-Match` or `If-None-Match` names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tags {
    /// `*`: any value at all.
    Any,
    /// Values of these revisions.
    Revisions(Vec<u64>),
}

impl Tags {
    fn matches(&self, current: Option<u64>) -> bool {
        match (self, current) {
            (_, None) => false,
            (Self::Any, Some(_)) => true,
            (Self::Revisions(revisions), Some(current)) => revisions.contains(&current),
        }
    }
}

/// The value that a request finds: its revision, and when it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) revision: u64,
    pub(crate) modified: SystemTime,
}

/// What the conditions say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Do what the method says.
    Proceed,
    /// Answer 304 to a GET or HEAD.
    NotModified,
    /// Answer 412.
    Failed,
}

/// The conditions of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Preconditions {
    matching: Option<Tags>,
    none_matching: Option<Tags>,
    modified_since: Option<SystemTime>,
    unmodified_since: Option<SystemTime>,
}

impl Preconditions {
    /// Reads the conditional fields. A date that is not one is ignored, as the RFC demands; a list of tags
    /// that is not one is refused, since ignoring it could lose an update.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, MalformedTags> {
        Ok(Self {
            // `If-Match` compares strongly: a weak tag never matches. `If-None-Match` compares weakly.
            matching: tags(headers, IF_MATCH, |tag| !tag.weak)?,
            none_matching: tags(headers, IF_NONE_MATCH, |_| true)?,
            modified_since: date(headers, &IF_MODIFIED_SINCE),
            unmodified_since: date(headers, &IF_UNMODIFIED_SINCE),
        })
    }

    /// Evaluates in the order of section 13.2.2, for a read or a write that finds `found`.
    pub(crate) fn evaluate(&self, reads: bool, found: Option<Found>) -> Verdict {
        let revision = found.map(|found| found.revision);
        let holds = match (&self.matching, self.unmodified_since, found) {
            (Some(tags), _, _) => tags.matches(revision),
            (None, Some(since), Some(found)) => whole_seconds(found.modified) <= since,
            (None, _, _) => true,
        };
        if !holds {
            return Verdict::Failed;
        }
        let modified = match (&self.none_matching, self.modified_since, found) {
            (Some(tags), _, _) => !tags.matches(revision),
            (None, Some(since), Some(found)) if reads => whole_seconds(found.modified) > since,
            (None, _, _) => true,
        };
        match (modified, reads) {
            (true, _) => Verdict::Proceed,
            (false, true) => Verdict::NotModified,
            (false, false) => Verdict::Failed,
        }
    }

    /// The same for a write as the store's condition; None where it takes an observed entry.
    pub(crate) fn condition(&self) -> Option<Condition> {
        match (&self.matching, &self.none_matching, self.unmodified_since) {
            (None, None, None) => Some(Condition::None),
            (Some(Tags::Any), None, _) => Some(Condition::Exists),
            (Some(Tags::Revisions(revisions)), None, _) => Some(Condition::RevisionIn(revisions.clone())),
            (None, Some(Tags::Any), None) => Some(Condition::Absent),
            (None, Some(Tags::Revisions(revisions)), None) => {
                Some(Condition::RevisionNotIn(revisions.clone()))
            }
            _ => None,
        }
    }
}

fn tags(
    headers: &HeaderMap,
    field: HeaderName,
    counts: impl Fn(&EntityTag<'_>) -> bool,
) -> Result<Option<Tags>, MalformedTags> {
    let mut lines = headers.get_all(&field).iter().peekable();
    if lines.peek().is_none() {
        return Ok(None);
    }
    let mut revisions = Vec::new();
    let mut any = false;
    for line in lines {
        if line.as_bytes().trim_ascii() == b"*" {
            any = true;
            continue;
        }
        let Some(listed) = EntityTag::parse_list(line.as_bytes()) else {
            return Err(MalformedTags { field });
        };
        revisions.extend(listed.iter().filter(|tag| counts(tag)).filter_map(EntityTag::revision));
    }
    Ok(Some(if any { Tags::Any } else { Tags::Revisions(revisions) }))
}

fn date(headers: &HeaderMap, field: &HeaderName) -> Option<SystemTime> {
    let mut lines = headers.get_all(field).iter();
    match (lines.next(), lines.next()) {
        (Some(line), None) => httpdate::parse_http_date(line.to_str().ok()?).ok(),
        _ => None,
    }
}

/// `Last-Modified` has no fractions, so no comparison with it may have them.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs())
}

#[cfg(test)]
mod tests;
