//! Members of which exactly one is there, as a schema says it.

use serde_json::{Value, json};

/// What exactly one of these members must be there for; `null` is as good as absent.
pub(crate) fn one_of(members: &[&str]) -> Value {
    let one =
        |member: &&str| json!({"required": [member], "properties": {*member: {"not": {"type": "null"}}}});
    members.iter().map(one).collect()
}
