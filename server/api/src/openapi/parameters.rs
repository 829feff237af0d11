//! What a request may carry besides its body: parameters of the path, of the query, and header fields.

use http::HeaderName;
use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use serde_json::{Map, Value, json};

use super::fields::title;
use super::pattern;
use crate::headers::{IDEMPOTENCY_KEY, KIVI_TTL, LAST_EVENT_ID};
use crate::parameter;

/// A name, what it means, what it may be, and where there is one, an example.
type Row<N> = (N, &'static str, Value, Value);

/// All of them by their component's name.
pub(super) fn components() -> Map<String, Value> {
    let fields = fields()
        .map(|(name, description, schema, example)| (title(&name), "header", description, schema, example));
    let query = query()
        .map(|(name, description, schema, example)| (name.to_owned(), "query", description, schema, example));
    let one = |(name, place, description, schema, example): (String, _, _, _, Value)| {
        let mut parameter = json!({"in": place, "name": name, "description": description, "schema": schema});
        if !example.is_null() {
            parameter["example"] = example;
        }
        (name, parameter)
    };
    fields.into_iter().chain(query).map(one).chain([("key".to_owned(), key())]).collect()
}

/// References to fields of a request, and to parameters.
pub(super) fn references(fields: &[HeaderName], parameters: &[&str]) -> Vec<Value> {
    let reference = |name: &str| json!({"$ref": format!("#/components/parameters/{name}")});
    let parameters = parameters.iter().map(|name| reference(name));
    parameters.chain(fields.iter().map(|name| reference(&title(name)))).collect()
}

fn key() -> Value {
    json!({
        "in": "path",
        "name": "key",
        "required": true,
        "description": "The rest of the path, percent-decoded once: any bytes, at least one and at most `limits.keyBytes`. A `/` may stand for itself.",
        "schema": {"type": "string", "minLength": 1},
        "example": "order/17",
    })
}

fn fields() -> [Row<HeaderName>; 9] {
    [
        (
            IF_MATCH,
            "Only if the value is of one of these revisions, or with `*`, if there is one; else 412. Compares strongly, as in `\"17\"`.",
            matching(pattern::TAGS),
            Value::Null,
        ),
        (
            IF_NONE_MATCH,
            "Only if the value is of none of these revisions, or with `*`, if there is none; else 304 to a read and 412 to a write. Compares weakly.",
            matching(pattern::TAGS),
            Value::Null,
        ),
        (
            IF_MODIFIED_SINCE,
            "Only if it was written since; else 304. What is no date of HTTP is ignored.",
            text(),
            Value::Null,
        ),
        (
            IF_UNMODIFIED_SINCE,
            "Only if it was not written since; else 412. What is no date of HTTP is ignored.",
            text(),
            Value::Null,
        ),
        (
            IF_RANGE,
            "`Range` holds only if the value is still of this revision; else all of it comes.",
            text(),
            Value::Null,
        ),
        (
            RANGE,
            "One range of bytes. Several ranges, other units and what is malformed are ignored.",
            text(),
            json!("bytes=0-99"),
        ),
        (
            KIVI_TTL,
            "How long the key is to live: whole seconds, or with units; from 1 ms to 10 years.",
            matching(pattern::TTL),
            json!("1m30s"),
        ),
        (
            IDEMPOTENCY_KEY,
            "A name for this request; repeated under it, it is done once and answered the same.",
            matching(pattern::IDEMPOTENCY_KEY),
            json!("\"8e03978e-40d5\""),
        ),
        (
            LAST_EVENT_ID,
            "As `after`, and stronger: how an `EventSource` comes back.",
            matching(pattern::SEEN),
            Value::Null,
        ),
    ]
}

fn query() -> [Row<&'static str>; 10] {
    [
        (parameter::PREFIX, "Keys that begin with these bytes.", text(), json!("order/")),
        (parameter::START, "Keys from this one on.", text(), json!("order/17")),
        (parameter::END, "Keys before this one.", text(), json!("order/20")),
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
            matching(pattern::CURSOR),
            Value::Null,
        ),
        (parameter::REVERSE, "The last key first.", flag(), json!(true)),
        (parameter::WATCH, "What happens from now on, as server-sent events.", flag(), Value::Null),
        (
            parameter::AFTER,
            "Of a watch: go on behind this revision, instead of beginning with the keys that are there.",
            json!({"type": "integer", "minimum": 0, "maximum": u64::MAX}),
            Value::Null,
        ),
        (
            parameter::TTL,
            "As the field `Kivi-Ttl`; where both are there, they say the same.",
            matching(pattern::TTL),
            json!("90"),
        ),
    ]
}

fn text() -> Value {
    json!({"type": "string"})
}

fn matching(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

fn flag() -> Value {
    json!({"type": "boolean", "default": false})
}
