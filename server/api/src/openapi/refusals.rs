//! Answers that are problems: of each status, which types there are and which fields come with them.

use std::collections::BTreeMap;

use http::HeaderName;
use http::header::{ALLOW, CONTENT_RANGE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::{Map, Value, json};

use super::{fields, schemas};
use crate::ProblemType;
use crate::headers::PROBLEM_JSON;

/// What may be answered to any request: by the server, by the sidecar in front of it, or by either.
const EVERYWHERE: [ProblemType; 8] = [
    ProblemType::BadRequest,
    ProblemType::Unauthorized,
    ProblemType::TooManyRequests,
    ProblemType::Internal,
    ProblemType::UpstreamFailed,
    ProblemType::Overloaded,
    ProblemType::NotReady,
    ProblemType::UpstreamTimeout,
];

/// The refusals that operations refer to, as components of the document.
#[derive(Default)]
pub(super) struct Refusals(Map<String, Value>);

impl Refusals {
    /// The responses of an operation that refuses with these types, besides those that each refuses with.
    pub(super) fn with(&mut self, kinds: &[ProblemType]) -> Map<String, Value> {
        self.refer(&[&EVERYWHERE, kinds].concat(), Self::problem)
    }

    /// The same for an answer that has no body.
    pub(super) fn bodiless(&mut self, kinds: &[ProblemType]) -> Map<String, Value> {
        self.refer(&[&EVERYWHERE, kinds].concat(), Self::head)
    }

    /// The responses of these types alone.
    pub(super) fn of(&mut self, kinds: &[ProblemType]) -> Map<String, Value> {
        self.refer(kinds, Self::problem)
    }

    pub(super) fn components(self) -> Map<String, Value> {
        self.0
    }

    fn refer(
        &mut self,
        kinds: &[ProblemType],
        make: fn(&[ProblemType]) -> (String, Value),
    ) -> Map<String, Value> {
        let mut by_status: BTreeMap<u16, Vec<ProblemType>> = BTreeMap::new();
        for kind in ProblemType::ALL.into_iter().filter(|kind| kinds.contains(kind)) {
            by_status.entry(kind.status().as_u16()).or_default().push(kind);
        }
        let mut responses = Map::new();
        for (status, kinds) in by_status {
            let (name, response) = make(&kinds);
            responses.insert(status.to_string(), json!({"$ref": format!("#/components/responses/{name}")}));
            self.0.insert(name, response);
        }
        if !responses.contains_key("405") {
            let long = json!({"description": "The head of the request is longer than `limits.requestHeadBytes`. There is no body."});
            responses.insert("431".to_owned(), json!({"$ref": "#/components/responses/HeadTooLong"}));
            self.0.insert("HeadTooLong".to_owned(), long);
        }
        responses
    }

    fn problem(kinds: &[ProblemType]) -> (String, Value) {
        let (name, mut response) = Self::head(kinds);
        let uris: Vec<String> = kinds.iter().map(ToString::to_string).collect();
        let mut schema = schemas::reference("Problem");
        let status = kinds.first().map(|kind| kind.status().as_u16());
        schema["properties"] = json!({"type": {"enum": uris}, "status": {"const": status}});
        response["content"] = json!({PROBLEM_JSON.to_str().unwrap_or_default(): {"schema": schema}});
        (name.trim_end_matches("ToHead").to_owned(), response)
    }

    fn head(kinds: &[ProblemType]) -> (String, Value) {
        let names: Vec<String> = kinds.iter().map(|kind| pascal(kind.slug())).collect();
        let meanings: Vec<&str> = kinds.iter().map(|kind| kind.meaning()).collect();
        let mut response = json!({"description": meanings.join(" Or: ")});
        let (always, maybe) = fields_of(kinds);
        if !always.is_empty() || !maybe.is_empty() {
            response["headers"] = fields::headers(&always, &maybe);
        }
        (format!("{}ToHead", names.join("Or")), response)
    }
}

/// The fields that come with a refusal whatever its type, and those that come with some of these types.
fn fields_of(kinds: &[ProblemType]) -> (Vec<HeaderName>, Vec<HeaderName>) {
    let of = |kind: ProblemType| -> &[HeaderName] {
        const RETRY: &[HeaderName] = &[RETRY_AFTER];
        match kind {
            ProblemType::Conflict
            | ProblemType::RequestInFlight
            | ProblemType::TooManyRequests
            | ProblemType::Overloaded
            | ProblemType::NotReady => RETRY,
            ProblemType::Unauthorized => &[WWW_AUTHENTICATE],
            ProblemType::MethodNotAllowed => &[ALLOW],
            ProblemType::RangeNotSatisfiable => &[CONTENT_RANGE],
            _ => &[],
        }
    };
    let mut all: Vec<HeaderName> = kinds.iter().flat_map(|kind| of(*kind)).cloned().collect();
    all.dedup();
    let (always, mut maybe): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|field| kinds.iter().all(|kind| of(*kind).contains(field)));
    if kinds.contains(&ProblemType::TooManyRequests) {
        maybe.extend(["ratelimit", "ratelimit-policy"].map(HeaderName::from_static));
    }
    (always, maybe)
}

/// `bad-request` as `BadRequest`.
fn pascal(slug: &str) -> String {
    slug.split('-').map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}
