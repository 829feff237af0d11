//! The OpenAPI document and the server say the same: each documented answer that can be provoked is provoked, and what
//! comes back must be documented, with its fields and its body.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Response};
use jsonschema::Validator;
use kivi_api::ProblemType;
use serde_json::{Value, json};

use crate::running::Running;

/// Fields that HTTP itself brings (OpenAPI leaves `Content-Type` to `content`).
const OF_HTTP: [&str; 6] =
    ["connection", "content-length", "content-type", "date", "transfer-encoding", "vary"];

/// The document as a server serves it, and what was seen of it.
pub(crate) struct Document {
    root: Value,
    seen: BTreeSet<(String, u16)>,
}

impl Document {
    pub(crate) async fn of(server: &Running) -> Self {
        let answer = server.ask("GET", "/openapi.json", &[], "").await;
        Self { root: serde_json::from_slice(answer.body()).unwrap(), seen: BTreeSet::new() }
    }

    /// The answer to a request must be a documented one of its operation.
    pub(crate) fn check(&mut self, method: &Method, path: &str, answer: &Response<Bytes>) {
        let template = template(path);
        let status = answer.status().as_u16();
        let place = format!("{method} {template} {status}");
        let operation = self.operation(method.as_str(), path);
        let operation = operation.unwrap_or_else(|| panic!("{place}: no such operation"));
        let response = self.resolve(&operation["responses"][status.to_string()]);
        assert!(response.is_object(), "{place} is not documented: {answer:?}");
        let id = operation["operationId"].as_str().unwrap().to_owned();
        self.check_fields(&place, response, answer);
        self.check_body(&place, response, answer);
        self.seen.insert((id, status));
    }

    fn check_fields(&self, place: &str, response: &Value, answer: &Response<Bytes>) {
        let documented = response["headers"].as_object().cloned().unwrap_or_default();
        for (name, field) in &documented {
            let Some(value) = answer.headers().get(name) else {
                assert_ne!(field["required"], true, "{place} without {name}: {answer:?}");
                continue;
            };
            let value = json!(value.to_str().unwrap());
            self.valid(&field["schema"], &value).unwrap_or_else(|error| panic!("{place}, {name}: {error}"));
        }
        for name in answer.headers().keys().map(http::HeaderName::as_str) {
            let known = documented.keys().any(|known| known.eq_ignore_ascii_case(name));
            assert!(known || OF_HTTP.contains(&name), "{place} has {name}, which is not documented");
        }
    }

    fn check_body(&self, place: &str, response: &Value, answer: &Response<Bytes>) {
        let Some(content) = response["content"].as_object() else {
            assert!(answer.body().is_empty(), "{place} has a body, which is not documented: {answer:?}");
            return;
        };
        let media_type = answer.headers()["content-type"].to_str().unwrap();
        let schema = content.get(media_type).or(content.get("*/*"));
        let schema = &schema.unwrap_or_else(|| panic!("{place}: {media_type} is not documented"))["schema"];
        let text = std::str::from_utf8(answer.body());
        let values: Vec<Value> = match media_type {
            "application/x-ndjson" => {
                text.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
            }
            _ if schema.is_null() || schema == &json!({}) => return,
            _ => vec![serde_json::from_str(text.unwrap()).unwrap()],
        };
        for value in values {
            self.valid(schema, &value).unwrap_or_else(|error| panic!("{place}: {error}: {value}"));
        }
    }

    /// A schema of the document, with its references.
    fn valid(&self, schema: &Value, value: &Value) -> Result<(), String> {
        self.validator(schema).validate(value).map_err(|error| error.to_string())
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut whole = schema.as_object().cloned().unwrap_or_default();
        whole.insert("components".to_owned(), self.root["components"].clone());
        jsonschema::draft202012::new(&Value::Object(whole)).unwrap()
    }

    fn resolve<'d>(&'d self, value: &'d Value) -> &'d Value {
        match value["$ref"].as_str() {
            Some(reference) => self.root.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
            None => value,
        }
    }

    /// A server-sent event, as a client reads it.
    pub(crate) fn check_event(&self, name: &str, id: Option<u64>, data: &str) {
        let mut event = json!({"event": name, "data": data});
        if let Some(id) = id {
            event["id"] = json!(id.to_string());
        }
        let schema = &self.root["components"]["schemas"]["SentEvent"];
        self.valid(schema, &event).unwrap_or_else(|error| panic!("{error}: {event}"));
        let of_name = |variant: &&Value| {
            variant["properties"]["event"]["enum"].as_array().unwrap().iter().any(|known| known == name)
        };
        let variant = schema["oneOf"].as_array().unwrap().iter().find(of_name).unwrap();
        let data: Value = serde_json::from_str(data).unwrap();
        let schema = &variant["properties"]["data"]["contentSchema"];
        self.valid(schema, &data).unwrap_or_else(|error| panic!("{name}: {error}: {data}"));
    }

    /// The examples of all parameters and media types are valid; returns how many there are.
    pub(crate) fn check_examples(&self) -> usize {
        let mut checked = 0;
        let mut left = vec![&self.root];
        while let Some(value) = left.pop() {
            if let (Some(schema), Some(example)) = (value.get("schema"), value.get("example")) {
                self.valid(schema, example).unwrap_or_else(|error| panic!("{error}: {example}"));
                checked += 1;
            }
            left.extend(value.as_object().into_iter().flat_map(serde_json::Map::values));
            left.extend(value.as_array().into_iter().flatten());
        }
        checked
    }

    /// The examples of a transaction and of its answer.
    pub(crate) fn transaction(&self) -> (Value, Value) {
        let post = &self.root["paths"]["/v1/"]["post"];
        let example = |place: &Value| place["content"]["application/json"]["example"].clone();
        (example(&post["requestBody"]), example(&post["responses"]["200"]))
    }

    /// Whether a problem is there with its status.
    pub(crate) fn names(&self, kind: ProblemType) -> bool {
        let uri = json!(kind.to_string());
        self.root["components"]["responses"].as_object().unwrap().values().any(|response| {
            let of_problem = &response["content"]["application/problem+json"]["schema"]["properties"];
            let kinds = of_problem["type"]["enum"].as_array();
            kinds.is_some_and(|kinds| kinds.contains(&uri))
                && of_problem["status"]["const"] == kind.status().as_u16()
        })
    }

    /// The operation of a method and a path.
    pub(crate) fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        self.root["paths"][template(path)].get(method.to_ascii_lowercase())
    }

    /// How many operations a path has.
    pub(crate) fn methods(&self, path: &str) -> usize {
        self.root["paths"][template(path)]
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| *key != "parameters")
            .count()
    }

    /// Each `operationId`.
    pub(crate) fn operations(&self) -> BTreeSet<String> {
        self.documented().map(|(id, _)| id).collect()
    }

    /// Each `operationId` with the status codes that are documented and were not seen.
    pub(crate) fn unseen(&self) -> BTreeSet<(String, u16)> {
        self.documented().filter(|documented| !self.seen.contains(documented)).collect()
    }

    fn documented(&self) -> impl Iterator<Item = (String, u16)> {
        let paths = self.root["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|path| path.as_object().unwrap().values());
        operations.filter(|operation| operation["operationId"].is_string()).flat_map(|operation| {
            let id = operation["operationId"].as_str().unwrap();
            let statuses = operation["responses"].as_object().unwrap().keys();
            statuses.map(move |status| (id.to_owned(), status.parse().unwrap()))
        })
    }
}

fn template(path: &str) -> &str {
    match path.split('?').next().unwrap() {
        known @ ("/v1/" | "/snapshot" | "/log" | "/openapi.json") => known,
        _ => "/v1/{key}",
    }
}
