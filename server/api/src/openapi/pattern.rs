//! Patterns of texts (ECMA-262, as JSON Schema has them). Each allows only what the server takes; what the server takes
//! beyond that is said where a pattern is.

/// A key in JSON: a `%` only before two hexadecimal digits.
pub(crate) const KEY: &str = "^(?:[^%]|%[0-9A-Fa-f]{2})+$";

/// A revision as text.
pub(crate) const REVISION: &str = "^(?:0|[1-9][0-9]{0,19})$";

/// What an `EventSource` saw last: a revision, or nothing yet.
pub(crate) const SEEN: &str = "^(?:0|[1-9][0-9]{0,18})?$";

/// The tag of a revision.
pub(crate) const REVISION_TAG: &str = "^\"[0-9]{1,20}\"$";

/// `*`, or a list of entity tags, which may have empty elements (RFC 9110 sections 5.6.1 and 8.8.3).
pub(crate) const TAGS: &str = "^[ \\t]*(?:\\*|(?:(?:W/)?\"[!#-~\\u0080-\\u00ff]*\")?(?:[ \\t]*,[ \\t]*(?:(?:W/)?\"[!#-~\\u0080-\\u00ff]*\")?)*)[ \\t]*$";

/// A time to live. The greatest ones are left out, as a pattern can't count: the bound is 10 years.
pub(crate) const TTL: &str = "^(?:[1-9][0-9]{0,7}|(?:[1-9][0-9]{0,3}|[1-7][0-9]{4})h(?:[0-9]{1,5}m)?(?:[0-9]{1,6}s)?(?:[0-9]{1,8}ms)?|[1-9][0-9]{0,5}m(?:[0-9]{1,6}s)?(?:[0-9]{1,8}ms)?|[1-9][0-9]{0,7}s(?:[0-9]{1,8}ms)?|[1-9][0-9]{0,9}ms)$";

/// What is left of a time to live.
pub(crate) const TTL_LEFT: &str = "^[0-9]{1,12}ms$";

/// A string of structured fields of 1 to 255 characters, or the same without its quotes.
pub(crate) const IDEMPOTENCY_KEY: &str =
    "^(?:\"(?:[ !#-\\[\\]-~]|\\\\[\"\\\\]){1,255}\"|[!#-\\[\\]-~]{1,255})$";

/// A media type that can be kept.
pub(crate) const MEDIA_TYPE: &str = "^[\\t -~]{1,255}$";

/// Padded Base64 of the standard alphabet without stray bits (RFC 4648 sections 3.5 and 4).
pub(crate) const BASE64: &str =
    "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

/// What a cursor is written with.
pub(crate) const CURSOR: &str = "^[A-Za-z0-9_-]+$";

/// A date of HTTP (RFC 9110 section 5.6.7), in the form that is sent.
pub(crate) const DATE: &str =
    "^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$";
