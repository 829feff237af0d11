//! `/openapi.json`: the document itself.

use http::header::IF_NONE_MATCH;
use serde_json::{Value, json};

use super::parameters;
use super::refusals::Refusals;
use crate::headers::JSON;

pub(super) fn path(refusals: &mut Refusals) -> Value {
    let operation = |id: &str, summary: &str, responses: Value| {
        json!({
            "operationId": id,
            "tags": ["description"],
            "summary": summary,
            "parameters": parameters::references(&[IF_NONE_MATCH], &[]),
            "responses": responses,
        })
    };
    let whole = json!({
        "description": "The document.",
        "headers": {"ETag": {"description": "A digest of it.", "required": true, "schema": {"type": "string"}}},
    });
    let mut got = whole.clone();
    got["content"] =
        json!({JSON.to_str().unwrap_or_default(): {"schema": {"type": "object", "required": ["openapi"]}}});
    let known =
        json!({"description": "The document is the one that the client knows.", "headers": whole["headers"]});
    let mut get = refusals.with(&[]);
    get.extend([("200".to_owned(), got), ("304".to_owned(), known.clone())]);
    let mut head = refusals.bodiless(&[]);
    head.extend([("200".to_owned(), whole), ("304".to_owned(), known)]);
    json!({
        "get": operation("getDescription", "Read this document", get.into()),
        "head": operation("headDescription", "Learn whether this document changed", head.into()),
    })
}
