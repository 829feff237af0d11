//! `/v1/`: all keys in order. Lists, watches, transactions.

use http::HeaderValue;
use http::header::{CACHE_CONTROL, HeaderName, X_CONTENT_TYPE_OPTIONS};
use serde_json::{Value, json};

use super::refusals::Refusals;
use super::schemas::reference;
use super::{fields, parameters};
use crate::ProblemType::{
    Gone, IdempotencyKeyReused, KeyTooLong, KeysFull, LogFull, MemoryFull, PreconditionFailed,
    RequestInFlight, RequestTooLarge, Timeout, UnsupportedMediaType, ValueTooLarge,
};
use crate::headers::{
    EVENT_STREAM, IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, JSON, KIVI_REVISION, LAST_EVENT_ID, LINES,
};
use crate::parameter;

pub(super) fn path(refusals: &mut Refusals) -> Value {
    json!({"get": get(refusals), "head": head(refusals), "post": post(refusals)})
}

fn get(refusals: &mut Refusals) -> Value {
    let mut responses = refusals.with(&[Gone]);
    responses.insert(
        "200".to_owned(),
        json!({
            "description": LISTED,
            "headers": list_fields(),
            "content": {
                name(&JSON): {"schema": reference("List"), "example": list_example()},
                name(&LINES): {"schema": {"anyOf": [reference("Entry"), reference("ListEnd")]}},
                name(&EVENT_STREAM): {"schema": reference("SentEvent")},
            },
        }),
    );
    json!({
        "operationId": "listKeys",
        "tags": ["keys"],
        "summary": "List or watch the keys of a range",
        "description": DESCRIPTION,
        "parameters": parameters::references(&[LAST_EVENT_ID], &parameter::OF_COLLECTION),
        "responses": responses,
    })
}

fn head(refusals: &mut Refusals) -> Value {
    let mut responses = refusals.bodiless(&[Gone]);
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "What a GET answers, without the list.",
            "headers": list_fields(),
        }),
    );
    json!({
        "operationId": "headKeys",
        "tags": ["keys"],
        "summary": "Learn the store's revision",
        "parameters": parameters::references(&[LAST_EVENT_ID], &parameter::OF_COLLECTION),
        "responses": responses,
    })
}

fn post(refusals: &mut Refusals) -> Value {
    let kinds = [
        Timeout,
        RequestInFlight,
        PreconditionFailed,
        ValueTooLarge,
        RequestTooLarge,
        KeyTooLong,
        UnsupportedMediaType,
        IdempotencyKeyReused,
        MemoryFull,
        KeysFull,
        LogFull,
    ];
    let mut responses = refusals.with(&kinds);
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "All of it was done.",
            "headers": fields::headers(&[KIVI_REVISION], &[IDEMPOTENCY_REPLAYED]),
            "content": {name(&JSON): {
                "schema": reference("TransactionOutcome"),
                "example": {"revision": 42, "results": [{"created": true}, {"deleted": false}]},
            }},
        }),
    );
    json!({
        "operationId": "transact",
        "tags": ["keys"],
        "summary": "Do several operations as one, or not at all",
        "description": "If all conditions hold, all operations happen, and every key that is written has the same revision. If not, 412 names those that do not hold in `failed`. A key may be named by one operation only.",
        "parameters": parameters::references(&[IDEMPOTENCY_KEY], &[]),
        "requestBody": {
            "required": true,
            "content": {name(&JSON): {
                "schema": reference("Transaction"),
                "example": {
                    "conditions": [{"key": "order/19", "exists": false}],
                    "operations": [
                        {"put": {"key": "order/19", "value": "{}", "mediaType": "application/json", "ttl": "24h"}},
                        {"delete": {"key": "cart/3"}},
                    ],
                },
            }},
        },
        "responses": responses,
    })
}

/// A watch is neither kept nor held up; a list is taken for what it says to be.
fn list_fields() -> Value {
    let watch = [CACHE_CONTROL, HeaderName::from_static("x-accel-buffering")];
    fields::headers(&[KIVI_REVISION], &[&[X_CONTENT_TYPE_OPTIONS], &watch[..]].concat())
}

fn list_example() -> Value {
    json!({
        "revision": 41,
        "entries": [
            {"key": "order/17", "revision": 12, "modifiedMs": 1_790_000_000_000_u64, "mediaType": "application/json", "value": "{\"total\": 3}"},
            {"key": "order/18", "revision": 40, "modifiedMs": 1_790_000_000_123_u64, "valueBase64": "/wA="},
        ],
        "cursor": "AQAAAAAAAAApb3JkZXIvMTjm",
    })
}

fn name(media_type: &HeaderValue) -> &str {
    media_type.to_str().unwrap_or_default()
}

const LISTED: &str = "\
The list, or with `Accept: application/x-ndjson` an entry a line and the end of the list as the last line, \
or with `watch=true` a stream of events. The schemas of the latter two are those of one line and of one event.";

const DESCRIPTION: &str = "\
A list is in the order of the keys' bytes; all its pages show the revision of the first one. \
`limit`, `cursor` and `reverse` are for lists. \
With `watch=true`, changes come in the order of the log, each once, none left out, after the keys that are there \
(`snapshot`) or behind the revision that `after` or `Last-Event-ID` names. Values of parameters are percent-decoded once, \
and a `+` is a plus sign.";
