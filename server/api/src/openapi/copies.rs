//! `/snapshot` and `/log`: the store as bytes, for copies and backups.

use http::header::{CACHE_CONTROL, HeaderName};
use serde_json::{Value, json};

use super::refusals::Refusals;
use super::{fields, parameters};
use crate::ProblemType::Gone;
use crate::headers::{KIVI_REVISION, KIVI_STATE_HASH, KIVI_STORE_ID, OCTET_STREAM};
use crate::{ProblemType, parameter};

/// One of them.
struct Copy {
    name: &'static str,
    summary: &'static str,
    description: &'static str,
    answered: &'static str,
    parameters: &'static [&'static str],
    fields: Vec<HeaderName>,
    refusals: &'static [ProblemType],
}

pub(super) fn snapshot(refusals: &mut Refusals) -> Value {
    path(
        refusals,
        &Copy {
            name: "Snapshot",
            summary: "Copy everything at one revision",
            description: "Writes go on meanwhile. The answer breaks off when it is read too slowly for the writes that come. \
                `kivi-server restore` reads it; only a whole one comes to its own end, which tells the hash of the state.",
            answered: "Everything at the revision that `Kivi-Revision` names.",
            parameters: &[],
            fields: vec![CACHE_CONTROL, KIVI_REVISION, KIVI_STATE_HASH, KIVI_STORE_ID],
            refusals: &[],
        },
    )
}

pub(super) fn log(refusals: &mut Refusals) -> Value {
    path(
        refusals,
        &Copy {
            name: "Log",
            summary: "Copy what was written behind a revision",
            description: "The entries of the log behind `after`, each a revision, up to the last one at the moment of the request. \
                Without `after`, from the first one on. Only a whole answer comes to its own end.",
            answered: "The entries behind `after` up to the revision that `Kivi-Revision` names.",
            parameters: &parameter::OF_LOG,
            fields: vec![CACHE_CONTROL, KIVI_REVISION, KIVI_STORE_ID],
            refusals: &[Gone],
        },
    )
}

fn path(refusals: &mut Refusals, copy: &Copy) -> Value {
    let operation = |id: &str, responses: Value| {
        json!({
            "operationId": format!("{id}{}", copy.name),
            "tags": ["copies"],
            "summary": copy.summary,
            "description": copy.description,
            "security": [{"token": []}],
            "parameters": parameters::references(&[], copy.parameters),
            "responses": responses,
        })
    };
    let head_of_it = json!({"description": copy.answered, "headers": fields::headers(&copy.fields, &[])});
    let mut whole = head_of_it.clone();
    whole["content"] = json!({OCTET_STREAM.to_str().unwrap_or_default(): {}});
    let mut get = refusals.with(copy.refusals);
    get.insert("200".to_owned(), whole);
    let mut head = refusals.bodiless(copy.refusals);
    head.insert("200".to_owned(), head_of_it);
    json!({"get": operation("get", get.into()), "head": operation("head", head.into())})
}
