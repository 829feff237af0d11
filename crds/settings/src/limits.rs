//! `spec.limits`: what one server accepts and holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Quantity, SettingsError};

/// What a server accepts and holds; each limit is named in the error of the request that hits it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "quantity(string(self.valueBytes)).compareTo(quantity('1')) >= 0 && quantity(string(self.valueBytes)).compareTo(quantity('64Mi')) <= 0",
     "message": "valueBytes must be from 1 to 64Mi"},
    {"rule": "quantity(string(self.memory)).compareTo(quantity('16Mi')) >= 0 && quantity(string(self.memory)).compareTo(quantity('1024Ti')) <= 0",
     "message": "memory must be from 16Mi to 1024Ti"}
]))]
pub struct LimitsSettings {
    /// Longest key, in bytes after percent-decoding, from 1 to 4096. A longer one gets 414. Default 1024.
    #[schemars(range(min = 1, max = 4096))]
    pub key_bytes: i32,
    /// Largest value, in bytes, from 1 to 64Mi. A larger one gets 413. Default 1Mi.
    pub value_bytes: Quantity,
    /// Memory for keys and values, in bytes, from 16Mi to 1024Ti. A write beyond it gets 507. Default 256Mi.
    pub memory: Quantity,
}

impl Default for LimitsSettings {
    fn default() -> Self {
        Self {
            key_bytes: 1024,
            value_bytes: Quantity::from_mebibytes(1),
            memory: Quantity::from_mebibytes(256),
        }
    }
}

impl LimitsSettings {
    /// Checks the bounds that the API server's rules check, for a file written by hand.
    ///
    /// # Errors
    /// Names the first field out of bounds.
    pub fn check(&self) -> Result<(), SettingsError> {
        let out = |field, value: &dyn ToString, bounds| {
            Err(SettingsError::Bounds { field, value: value.to_string(), bounds })
        };
        if !(1..=4096).contains(&self.key_bytes) {
            return out("limits.keyBytes", &self.key_bytes, "write 1 to 4096");
        }
        if !(1..=64 << 20).contains(&self.value_bytes.bytes()) {
            return out("limits.valueBytes", &self.value_bytes, "write 1 to 64Mi");
        }
        if !(16 << 20..=1 << 50).contains(&self.memory.bytes()) {
            return out("limits.memory", &self.memory, "write 16Mi to 1024Ti");
        }
        Ok(())
    }

    /// The longest key, in bytes.
    pub fn key_len(&self) -> usize {
        usize::try_from(self.key_bytes).unwrap_or(0)
    }
}
