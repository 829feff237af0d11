//! The API as an OpenAPI 3.1 document: what a client may send, and everything that may come back.
//!
//! It is made of what the server itself uses: schemas are derived from the wire types, and names of fields, parameters
//! and problems are their constants. It is no part of any program: the server embeds what `generate` wrote of it.

mod collection;
mod copies;
mod fields;
mod itself;
mod key;
mod one_of;
mod parameters;
pub(crate) mod pattern;
mod refusals;
mod schemas;

use serde_json::{Value, json};

use crate::{DOCUMENT_PATH, LOG_PATH, ProblemType, SNAPSHOT_PATH, key as keys};
pub(crate) use one_of::one_of;
use refusals::Refusals;

/// The document.
pub fn document() -> Value {
    let mut refusals = Refusals::default();
    let mut paths = serde_json::Map::new();
    paths.insert(format!("{}{{key}}", keys::PREFIX), key::path(&mut refusals));
    paths.insert(keys::PREFIX.to_owned(), collection::path(&mut refusals));
    paths.insert(SNAPSHOT_PATH.to_owned(), copies::snapshot(&mut refusals));
    paths.insert(LOG_PATH.to_owned(), copies::log(&mut refusals));
    paths.insert(DOCUMENT_PATH.to_owned(), itself::path(&mut refusals));
    // No operation can be answered so: an operation's method is known, and no token is worth less than another yet.
    refusals.of(&[ProblemType::MethodNotAllowed, ProblemType::Forbidden]);
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Kivi",
            "summary": "A key-value store: any bytes under keys of any bytes, in the order of one log.",
            "description": INTRODUCTION,
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "The store that served this document."}],
        "security": [{"token": []}, {}],
        "tags": [
            {"name": "values", "description": "One key and its value."},
            {"name": "keys", "description": "All keys in order: lists, watches, transactions."},
            {"name": "copies", "description": "The whole store, for copies and backups. Never without a token."},
            {"name": "description", "description": "This document."},
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "One of the store's tokens. Only a store that was opened (`auth.anonymous`) answers without one.",
            }},
            "schemas": schemas::components(),
            "parameters": parameters::components(),
            "responses": refusals.components(),
        },
    })
}

const INTRODUCTION: &str = "\
Every write gets the next number of the store's log: its revision, which in double quotes is the entity tag of what it wrote. \
A method that a resource does not know gets 405 with `Allow`, and a path that is none gets 404. \
What is no HTTP, or has a head of more than `limits.requestHeadBytes`, gets a bare 400, 414 or 431 without a body. \
Every other refusal is `application/problem+json` (RFC 9457): decide by its `type`.";
