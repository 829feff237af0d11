//! Header fields and parameters: their names, what they may be, what they mean.

use http::HeaderName;
use http::header::{ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use serde_json::{Map, Value, json};

use super::pattern;
use crate::headers::{IDEMPOTENCY_KEY, KIVI_TTL, LAST_EVENT_ID};
use crate::parameter;

/// The fields of an answer: those that are always there, and those that may be.
pub(super) fn headers(always: &[HeaderName], maybe: &[HeaderName]) -> Value {
    let one = |name: &HeaderName, required: bool| {
        let (description, schema) = answered(name);
        let mut field = json!({"description": description, "schema": schema});
        if required {
            field["required"] = json!(true);
        }
        (title(name), field)
    };
    let fields = always.iter().map(|name| one(name, true)).chain(maybe.iter().map(|name| one(name, false)));
    Value::Object(fields.collect())
}

/// What a field of an answer means, and what it may be.
fn answered(name: &HeaderName) -> (&'static str, Value) {
    let text = |pattern: &str| json!({"type": "string", "pattern": pattern});
    let constant = |value: &str| json!({"type": "string", "const": value});
    match name.as_str() {
        "etag" => {
            ("The entity tag of the value: its revision in double quotes.", text(pattern::REVISION_TAG))
        }
        "kivi-revision" => ("The revision that was read or written.", text(pattern::REVISION)),
        "kivi-created" => {
            ("Whether the key was absent before.", json!({"type": "string", "enum": ["true", "false"]}))
        }
        "kivi-ttl" => {
            ("What is left of its time to live; absent where it has none.", text(pattern::TTL_LEFT))
        }
        "idempotency-replayed" => (
            "Whether this is the answer to an earlier request of the same `Idempotency-Key`.",
            constant("true"),
        ),
        "last-modified" => ("When the value was written.", text(pattern::DATE)),
        "accept-ranges" => ("A part of the value can be asked for.", constant("bytes")),
        "content-range" => (
            "Which part of the value this is, or how long the value is.",
            text("^bytes (?:[0-9]+-[0-9]+|\\*)/[0-9]+$"),
        ),
        "x-content-type-options" => ("A browser takes the media type as it is.", constant("nosniff")),
        "retry-after" => ("After how many seconds another try makes sense.", text("^[0-9]+$")),
        "allow" => ("The methods that the resource knows.", json!({"type": "string"})),
        "www-authenticate" => (
            "That a bearer token is wanted, and what was wrong with the one that came (RFC 6750).",
            text("^Bearer "),
        ),
        "cache-control" => ("That nobody keeps it.", constant("no-store")),
        "x-accel-buffering" => ("That no proxy waits for more.", constant("no")),
        "ratelimit" | "ratelimit-policy" => {
            ("What is left of the rate (draft-ietf-httpapi-ratelimit-headers).", json!({"type": "string"}))
        }
        _ => ("", json!({"type": "string"})),
    }
}

/// All parameters by their component's name.
pub(super) fn parameters() -> Map<String, Value> {
    let tags = || json!({"type": "string", "pattern": pattern::TAGS});
    let date = || json!({"type": "string"});
    let bytes = || json!({"type": "string"});
    let flag = || json!({"type": "boolean", "default": false});
    let revision = || json!({"type": "integer", "minimum": 0, "maximum": u64::MAX});
    let fields = [
        (
            IF_MATCH,
            "Only if the value is of one of these revisions, or with `*`, if there is one; else 412. Compares strongly.",
            tags(),
            json!("\"17\""),
        ),
        (
            IF_NONE_MATCH,
            "Only if the value is of none of these revisions, or with `*`, if there is none; else 304 to a read and 412 to a write. Compares weakly.",
            tags(),
            json!("*"),
        ),
        (
            IF_MODIFIED_SINCE,
            "Only if it was written since; else 304. What is no date is ignored.",
            date(),
            json!("Thu, 01 Jan 2026 00:00:00 GMT"),
        ),
        (
            IF_UNMODIFIED_SINCE,
            "Only if it was not written since; else 412. What is no date is ignored.",
            date(),
            json!("Thu, 01 Jan 2026 00:00:00 GMT"),
        ),
        (
            IF_RANGE,
            "`Range` holds only if the value is still of this revision; else all of it comes.",
            bytes(),
            json!("\"17\""),
        ),
        (
            RANGE,
            "One range of bytes. Several ranges, other units and what is malformed are ignored.",
            bytes(),
            json!("bytes=0-99"),
        ),
        (
            KIVI_TTL,
            "How long the key is to live: whole seconds, or with units; from 1 ms to 10 years.",
            json!({"type": "string", "pattern": pattern::TTL}),
            json!("1m30s"),
        ),
        (
            IDEMPOTENCY_KEY,
            "A name for this request; repeated under it, it is done once and answered the same.",
            json!({"type": "string", "pattern": pattern::IDEMPOTENCY_KEY}),
            json!("\"8e03978e-40d5\""),
        ),
        (
            LAST_EVENT_ID,
            "As `after`, and stronger: how an `EventSource` comes back.",
            json!({"type": "string", "pattern": pattern::SEEN}),
            json!("43"),
        ),
    ];
    let parameters = [
        (parameter::PREFIX, "Keys that begin with these bytes.", bytes(), json!("order/")),
        (parameter::START, "Keys from this one on.", bytes(), json!("order/17")),
        (parameter::END, "Keys before this one.", bytes(), json!("order/20")),
        (parameter::KEYS_ONLY, "Without values.", flag(), json!(true)),
        (
            parameter::LIMIT,
            "A page of so many keys at most; it ends early behind 4 MiB. Without it, everything comes.",
            json!({"type": "integer", "minimum": 1, "maximum": parameter::MAX_LIMIT}),
            json!(100),
        ),
        (
            parameter::CURSOR,
            "The next page, as the page before named it; the other parameters are given again.",
            json!({"type": "string", "pattern": pattern::CURSOR}),
            Value::Null,
        ),
        (parameter::REVERSE, "The last key first.", flag(), json!(true)),
        (parameter::WATCH, "What happens from now on, as server-sent events.", flag(), Value::Null),
        (
            parameter::AFTER,
            "Of a watch: go on behind this revision, instead of beginning with the keys that are there.",
            revision(),
            json!(43),
        ),
        (
            parameter::TTL,
            "As the field `Kivi-Ttl`; where both are there, they say the same.",
            json!({"type": "string", "pattern": pattern::TTL}),
            json!("90"),
        ),
    ];
    let fields = fields.into_iter().map(|(name, description, schema, example)| {
        (title(&name), describe("header", &title(&name), description, schema, example))
    });
    let parameters = parameters.into_iter().map(|(name, description, schema, example)| {
        (name.to_owned(), describe("query", name, description, schema, example))
    });
    let key = json!({
        "in": "path",
        "name": "key",
        "required": true,
        "description": "The rest of the path, percent-decoded once: any bytes, at least one and at most `limits.keyBytes`. A `/` may stand for itself.",
        "schema": {"type": "string", "minLength": 1},
        "example": "order/17",
    });
    fields.chain(parameters).chain([("key".to_owned(), key)]).collect()
}

fn describe(place: &str, name: &str, description: &str, schema: Value, example: Value) -> Value {
    let mut parameter = json!({"in": place, "name": name, "description": description, "schema": schema});
    if !example.is_null() {
        parameter["example"] = example;
    }
    parameter
}

/// References to fields of a request, and to parameters.
pub(super) fn references(fields: &[HeaderName], parameters: &[&str]) -> Vec<Value> {
    let reference = |name: &str| json!({"$ref": format!("#/components/parameters/{name}")});
    let parameters = parameters.iter().map(|name| reference(name));
    parameters.chain(fields.iter().map(|name| reference(&title(name)))).collect()
}

/// A field's name as people write it.
pub(super) fn title(name: &HeaderName) -> String {
    if *name == ETAG {
        return "ETag".to_owned();
    }
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.as_str().split('-').map(capital).collect::<Vec<_>>().join("-")
}
