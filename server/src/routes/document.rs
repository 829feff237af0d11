//! `/openapi.json`: the description of the API, which `generate` wrote. Known before the log is read.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH};
use http::{HeaderMap, Method, Response, StatusCode};
use kivi_api::headers::JSON;
use kivi_api::{EntityTag, Problem, Resource};
use sha2::{Digest, Sha256};

use super::answer::{Answer, Body};
use super::{problems, query};

const DOCUMENT: &[u8] = include_bytes!("openapi.json");

/// The strong tag of the document.
static TAG: LazyLock<HeaderValue> = LazyLock::new(|| {
    let digest = Sha256::digest(DOCUMENT);
    let digest = u128::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
    // Digits in quotes always make a field's value.
    HeaderValue::try_from(format!("\"{digest:032x}\"")).unwrap_or(HeaderValue::from_static("\"\""))
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

#[cfg(test)]
mod tests {
    use http::HeaderName;
    use kivi_api::headers::{IDEMPOTENCY_KEY, KIVI_TTL, LAST_EVENT_ID};
    use proptest::prelude::*;
    use proptest::string::string_regex;

    use super::super::preconditions::Preconditions;
    use super::super::{idempotency, ttl, watch};
    use super::*;

    /// The texts that the document allows for a field of a request.
    fn allowed(field: &str) -> impl Strategy<Value = HeaderMap> + use<> {
        let document: serde_json::Value = serde_json::from_slice(DOCUMENT).unwrap();
        let pattern = document["components"]["parameters"][field]["schema"]["pattern"].as_str().unwrap();
        let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
        let name: HeaderName = field.parse().unwrap();
        string_regex(pattern).unwrap().prop_map(move |text| {
            let latin: Vec<u8> =
                text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
            // As a connection would read it.
            HeaderMap::from_iter([(name.clone(), HeaderValue::from_bytes(latin.trim_ascii()).unwrap())])
        })
    }

    proptest! {
        #[test]
        fn what_the_document_allows_is_taken(
            ttls in allowed("Kivi-Ttl"),
            names in allowed("Idempotency-Key"),
            matching in allowed("If-Match"),
            none_matching in allowed("If-None-Match"),
            seen in allowed("Last-Event-Id"),
        ) {
            prop_assert!(ttl::of_request(&ttls, None).unwrap().is_some(), "{:?}", ttls[KIVI_TTL]);
            prop_assert!(idempotency::name(&names).unwrap().is_some(), "{:?}", names[IDEMPOTENCY_KEY]);
            prop_assert!(Preconditions::read(&matching).is_ok(), "{matching:?}");
            prop_assert!(Preconditions::read(&none_matching).is_ok(), "{none_matching:?}");
            prop_assert!(watch::seen(&seen).is_ok(), "{:?}", seen[LAST_EVENT_ID]);
        }
    }
}
