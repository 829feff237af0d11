//! Refuses what no log can hold and no state can decide, before anything is decided. Pure.

use std::collections::HashSet;

use super::{
    Action, StoreError,
    request::{Request, What},
    requests::ID_BYTES,
};

/// The longest key and the longest value, in bytes: a quarter of what a length field of the log can say, which leaves
/// room for what is around them.
const LIMIT: usize = 1 << 30;

pub(super) fn check(request: &Request) -> Result<(), StoreError> {
    if let Some(id) = &request.id
        && !(1..=ID_BYTES).contains(&id.id.len())
    {
        return Err(too_long("request's name", id.id.len(), ID_BYTES));
    }
    for (key, _) in &request.conditions {
        check_key(key)?;
    }
    for intent in &request.intents {
        check_key(&intent.key)?;
        if let What::Act(Action::Put { value, media_type, .. }) = &intent.what {
            if value.len() > LIMIT {
                return Err(too_long("value", value.len(), LIMIT));
            }
            let longest = usize::from(u16::MAX);
            if let Some(name) = media_type.as_ref().filter(|name| name.len() > longest) {
                return Err(too_long("media type", name.len(), longest));
            }
        }
    }
    if request.intents.len() > 1 {
        let mut keys = HashSet::with_capacity(request.intents.len());
        if let Some(index) = request.intents.iter().position(|intent| !keys.insert(&intent.key[..])) {
            return Err(StoreError::DuplicateKey { index });
        }
    }
    Ok(())
}

fn check_key(key: &[u8]) -> Result<(), StoreError> {
    match key.len() {
        0 => Err(StoreError::EmptyKey),
        1..=LIMIT => Ok(()),
        length => Err(too_long("key", length, LIMIT)),
    }
}

fn too_long(what: &'static str, length: usize, limit: usize) -> StoreError {
    StoreError::TooLong { what, length, limit }
}
