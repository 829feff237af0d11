//! `/v1/{key}`: one key and its value.

use http::header::{
    ACCEPT_RANGES, CONTENT_RANGE, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use serde_json::{Value, json};

use super::refusals::Refusals;
use super::{fields, parameters};
use crate::ProblemType::{
    Conflict, IdempotencyKeyReused, KeyTooLong, KeysFull, LogFull, MemoryFull, NotFound, PreconditionFailed,
    RangeNotSatisfiable, RequestInFlight, Timeout, UnsupportedMediaType, ValueTooLarge,
};
use crate::headers::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, KIVI_CREATED, KIVI_REVISION, KIVI_TTL};
use crate::parameter;

pub(super) fn path(refusals: &mut Refusals) -> Value {
    json!({
        "parameters": parameters::references(&[], &["key"]),
        "get": get(refusals),
        "head": head(refusals),
        "put": put(refusals),
        "delete": delete(refusals),
    })
}

fn get(refusals: &mut Refusals) -> Value {
    let kinds = [NotFound, PreconditionFailed, KeyTooLong, RangeNotSatisfiable];
    let conditions = [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, RANGE, IF_RANGE];
    let validators = [ETAG, KIVI_REVISION, LAST_MODIFIED];
    let value = [&validators[..], &[ACCEPT_RANGES, X_CONTENT_TYPE_OPTIONS]].concat();
    let bytes = json!({"*/*": {}});
    let mut responses = refusals.with(&kinds);
    responses.insert("200".to_owned(), json!({
        "description": "The value, with the media type it was stored with, or `application/octet-stream`.",
        "headers": fields::headers(&value, &[KIVI_TTL]),
        "content": bytes,
    }));
    responses.insert(
        "206".to_owned(),
        json!({
            "description": "The part of the value that `Range` asks for.",
            "headers": fields::headers(&[&value[..], &[CONTENT_RANGE]].concat(), &[KIVI_TTL]),
            "content": bytes,
        }),
    );
    responses.insert(
        "304".to_owned(),
        json!({
            "description": "The value is the one that the client knows.",
            "headers": fields::headers(&validators, &[]),
        }),
    );
    json!({
        "operationId": "getValue",
        "tags": ["values"],
        "summary": "Read the value of a key",
        "parameters": parameters::references(&conditions, &[]),
        "responses": responses,
    })
}

fn head(refusals: &mut Refusals) -> Value {
    let conditions = [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];
    let validators = [ETAG, KIVI_REVISION, LAST_MODIFIED];
    let value = [&validators[..], &[ACCEPT_RANGES, X_CONTENT_TYPE_OPTIONS]].concat();
    let mut responses = refusals.bodiless(&[NotFound, PreconditionFailed, KeyTooLong]);
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "What a GET answers, without the value.",
            "headers": fields::headers(&value, &[KIVI_TTL]),
        }),
    );
    responses.insert(
        "304".to_owned(),
        json!({
            "description": "The value is the one that the client knows.",
            "headers": fields::headers(&validators, &[]),
        }),
    );
    json!({
        "operationId": "headValue",
        "tags": ["values"],
        "summary": "Read all but the value of a key",
        "parameters": parameters::references(&conditions, &[]),
        "responses": responses,
    })
}

fn put(refusals: &mut Refusals) -> Value {
    let kinds = [
        Timeout,
        Conflict,
        RequestInFlight,
        PreconditionFailed,
        ValueTooLarge,
        KeyTooLong,
        UnsupportedMediaType,
        IdempotencyKeyReused,
        MemoryFull,
        KeysFull,
        LogFull,
    ];
    let conditions = [IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, KIVI_TTL, IDEMPOTENCY_KEY];
    let mut responses = refusals.with(&kinds);
    responses.insert(
        "201".to_owned(),
        json!({
            "description": "The log has the value, for a new and for a replaced key alike.",
            "headers": fields::headers(&[ETAG, KIVI_REVISION, KIVI_CREATED], &[IDEMPOTENCY_REPLAYED]),
            "links": {
                "read": link("getValue", "Read it."),
                "remove": link("deleteValue", "Remove it."),
            },
        }),
    );
    json!({
        "operationId": "putValue",
        "tags": ["values"],
        "summary": "Store a value under a key",
        "description": "Answered when the log has it as durably as `log.file.sync` says. Idempotent. `Content-Type` is kept with the value; `Content-Encoding` and `Content-Range` are refused.",
        "parameters": parameters::references(&conditions, &[parameter::TTL]),
        "requestBody": {
            "description": "The value: any bytes, at most `limits.valueBytes`, also none.",
            "content": {"*/*": {}},
        },
        "responses": responses,
    })
}

fn delete(refusals: &mut Refusals) -> Value {
    let kinds = [Conflict, PreconditionFailed, KeyTooLong, LogFull];
    let conditions = [IF_MATCH, IF_NONE_MATCH, IF_UNMODIFIED_SINCE];
    let mut responses = refusals.with(&kinds);
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "The key has no value; `Kivi-Revision` is there if it had one.",
            "headers": fields::headers(&[], &[KIVI_REVISION]),
        }),
    );
    json!({
        "operationId": "deleteValue",
        "tags": ["values"],
        "summary": "Remove a key and its value",
        "description": "Idempotent: a success also where there is no value.",
        "parameters": parameters::references(&conditions, &[]),
        "responses": responses,
    })
}

fn link(operation: &str, description: &str) -> Value {
    json!({
        "operationId": operation,
        "description": description,
        "parameters": {"key": "$request.path.key"},
    })
}
