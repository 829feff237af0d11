//! Header fields of an answer: their names, what they may be, what they mean.

use http::HeaderName;
use http::header::ETAG;
use serde_json::{Value, json};

use super::pattern;

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
        "kivi-state-hash" => ("The hash of the state that it holds.", text("^[0-9a-f]{16}$")),
        "kivi-store-id" => ("Which store it is of. A restored store is another one.", text("^[0-9a-f]{32}$")),
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

/// A field's name as people write it.
pub(super) fn title(name: &HeaderName) -> String {
    if *name == ETAG {
        return "ETag".to_owned();
    }
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.as_str().split('-').map(capital).collect::<Vec<_>>().join("-")
}
