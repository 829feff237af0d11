//! `/openapi.json`: the description of the API, which `generate` wrote. Known before the log is read.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, Method, Response, StatusCode};
use kivi_api::headers::JSON;
use kivi_api::{EntityTag, Problem, Resource};
use sha2::{Digest, Sha256};

use super::{Answer, Body, problems, query};

const DOCUMENT: &[u8] = include_bytes!("openapi.json");

/// The strong tag of the document.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = Sha256::digest(DOCUMENT);
    let digits = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Digits in quotes always make a field's value.
    HeaderValue::try_from(format!("\"{digits}\"")).unwrap_or(HeaderValue::from_static("\"\""))
});

pub(super) fn answer(method: &Method, query: Option<&str>, headers: &HeaderMap) -> Answer {
    if *method != Method::GET && *method != Method::HEAD {
        return Err(problems::method(Resource::Document, method));
    }
    query::none(query)?;
    let mut response = Response::new(Body::default());
    if is_known(headers)? {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        response.headers_mut().insert(CONTENT_TYPE, JSON);
        *response.body_mut() = Body::from(Bytes::from_static(DOCUMENT));
    }
    response.headers_mut().insert(ETAG, TAG.clone());
    Ok(response)
}

/// Whether the client has it (`If-None-Match`, which compares weakly).
fn is_known(headers: &HeaderMap) -> Result<bool, Problem> {
    let tag = EntityTag::parse(TAG.as_bytes()).map(|tag| tag.opaque);
    for line in headers.get_all(IF_NONE_MATCH) {
        let line = line.as_bytes().trim_ascii();
        let tags = EntityTag::parse_list(line).filter(|_| line != b"*");
        if line == b"*" || tags.iter().flatten().any(|known| Some(known.opaque) == tag) {
            return Ok(true);
        }
        if tags.is_none() {
            return Err(problems::malformed("If-None-Match", "neither `*` nor a list of entity tags"));
        }
    }
    Ok(false)
}
