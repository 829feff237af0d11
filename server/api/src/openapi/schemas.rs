//! The schemas of what goes over the wire as JSON, derived from the wire types.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use super::pattern;
use crate::problem::{Problem, ProblemType};
use crate::wire::{Bookmark, Entry, Event, KeyText, List, ListEnd, Transaction, TransactionOutcome};

const SCHEMAS: &str = "/components/schemas";

/// A reference to a schema.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#{SCHEMAS}/{name}")})
}

/// All schemas by their names.
pub(super) fn components() -> Map<String, Value> {
    let settings = || {
        SchemaSettings::draft2020_12()
            .with(|settings| settings.definitions_path = Cow::Borrowed(SCHEMAS))
            .with_transform(Numbers)
    };
    let mut asked = settings().for_deserialize().into_generator();
    asked.subschema_for::<Transaction>();
    let mut answered = settings().for_serialize().with_transform(AsSent).into_generator();
    answered.subschema_for::<List>();
    answered.subschema_for::<Entry>();
    answered.subschema_for::<ListEnd>();
    answered.subschema_for::<Event>();
    answered.subschema_for::<Bookmark>();
    answered.subschema_for::<TransactionOutcome>();
    answered.subschema_for::<Problem>();
    let mut all = asked.take_definitions(true);
    all.append(&mut answered.take_definitions(true));
    all.insert("SentEvent".to_owned(), sent_event());
    all
}

impl JsonSchema for KeyText {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Key")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A key as text: `%`, control characters, and bytes that are no UTF-8 are written as `%` and two hexadecimal digits.",
            "type": "string",
            "minLength": 1,
            "pattern": pattern::KEY,
            "examples": ["order/17", "raw%FF"],
        })
    }
}

impl JsonSchema for ProblemType {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("ProblemType")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "uri", "enum": ProblemType::ALL.map(|kind| kind.to_string())})
    }
}

/// A server-sent event of a watch, read as the HTML Living Standard says (section 9.2.6).
fn sent_event() -> Value {
    let data = |name: &str| json!({"contentSchema": reference(name)});
    let variant =
        |events: &[&str], name: &str| json!({"properties": {"event": {"enum": events}, "data": data(name)}});
    json!({
        "description": "One server-sent event.",
        "type": "object",
        "required": ["event", "data"],
        "properties": {
            "event": {"type": "string", "description": "What happened: `put`, `delete` and `expire` are changes; `snapshot` is a key that was there; `bookmark` says that everything up to its id was sent; `error` is the last one."},
            "id": {"type": "string", "pattern": pattern::REVISION, "description": "A revision to go on behind; the last event of a revision has it, and a bookmark."},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
        "oneOf": [
            variant(&["put", "delete", "expire"], "Event"),
            variant(&["snapshot"], "Entry"),
            variant(&["bookmark"], "Bookmark"),
            variant(&["error"], "Problem"),
        ],
    })
}

/// Says what a `u64` may be at most, and drops formats that no one knows.
#[derive(Debug, Clone)]
struct Numbers;

impl Transform for Numbers {
    fn transform(&mut self, schema: &mut Schema) {
        match schema.get("format").and_then(Value::as_str) {
            Some("uint64") => {
                schema.insert("maximum".to_owned(), json!(u64::MAX));
            }
            Some("uint" | "uint16") => {
                schema.remove("format");
            }
            _ => {}
        }
        transform_subschemas(self, schema);
    }
}

/// What is sent is left out rather than `null`, unless it is always there; and nothing is filled in for it.
#[derive(Debug, Clone)]
struct AsSent;

impl Transform for AsSent {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
        for (name, property) in properties.iter_mut() {
            let Some(property) = property.as_object_mut() else { continue };
            property.remove("default");
            if !required.iter().any(|always| always == name) {
                never_null(property);
            }
        }
    }
}

fn never_null(property: &mut Map<String, Value>) {
    if let Some([one, null]) = property.get("type").and_then(Value::as_array).map(Vec::as_slice)
        && null == "null"
    {
        let one = one.clone();
        property.insert("type".to_owned(), one);
    }
    if let Some([one, null]) = property.get("anyOf").and_then(Value::as_array).map(Vec::as_slice)
        && null["type"] == "null"
        && let Some(one) = one.as_object().cloned()
    {
        property.remove("anyOf");
        property.extend(one);
    }
}
