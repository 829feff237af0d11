//! `spec.limits`: what one server accepts and holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DurationString, Quantity, SettingsError, of_durations};

/// What a server accepts and holds; each limit is named in the error of the request that hits it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "quantity(string(self.valueBytes)).compareTo(quantity('1')) >= 0 && quantity(string(self.valueBytes)).compareTo(quantity('64Mi')) <= 0",
     "message": "valueBytes must be from 1 to 64Mi"},
    {"rule": "quantity(string(self.memory)).compareTo(quantity('16Mi')) >= 0 && quantity(string(self.memory)).compareTo(quantity('1024Ti')) <= 0",
     "message": "memory must be from 16Mi to 1024Ti"},
    {"rule": "quantity(string(self.requestHeadBytes)).compareTo(quantity('8Ki')) >= 0 && quantity(string(self.requestHeadBytes)).compareTo(quantity('1Mi')) <= 0",
     "message": "requestHeadBytes must be from 8Ki to 1Mi"},
    {"rule": "quantity(string(self.requestHeadBytes)).sub(3 * self.keyBytes).compareTo(quantity('4Ki')) >= 0",
     "message": "requestHeadBytes must be at least 3 x keyBytes + 4Ki: each byte of a key may be percent-encoded as three"},
    {"rule": "quantity(string(self.requestBytes)).compareTo(quantity('1Ki')) >= 0 && quantity(string(self.requestBytes)).compareTo(quantity('256Mi')) <= 0",
     "message": "requestBytes must be from 1Ki to 256Mi"},
    {"rule": "!has(self.watchers) || self.watchers < self.connections",
     "message": "watchers must be fewer than connections: each watch takes one, and some must be left for other requests"},
    {"rule": of_durations(&["self.idempotencyWindow"], "duration(self.idempotencyWindow) >= duration('1s') && duration(self.idempotencyWindow) <= duration('168h')"),
     "message": "idempotencyWindow must be from 1s to 168h"}
]))]
pub struct LimitsSettings {
    /// Longest key, in bytes after percent-decoding, from 1 to 4096. A longer one gets 414. Default 1024.
    #[schemars(range(min = 1, max = 4096))]
    pub key_bytes: i32,
    /// Largest value, in bytes, from 1 to 64Mi. A larger one gets 413. Default 1Mi.
    pub value_bytes: Quantity,
    /// Memory for keys and values, in bytes, from 16Mi to 1024Ti. A write beyond it gets 507. Default 256Mi.
    pub memory: Quantity,
    /// Most keys, from 1 to 1000000000000. A further one gets 507. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64))]
    pub keys: Option<i64>,
    /// Largest head of a request: its line and fields, in bytes, from 8Ki to 1Mi and at least 3 x `keyBytes` + 4Ki, so
    /// that a percent-encoded key fits. A larger one gets 431. Default 64Ki.
    pub request_head_bytes: Quantity,
    /// Largest body of a transaction, in bytes, from 1Ki to 256Mi. A larger one gets 413. Default 4Mi.
    pub request_bytes: Quantity,
    /// Most conditions and operations of a transaction, from 1 to 10000. More get 413. Default 1000.
    #[schemars(range(min = 1, max = 10000))]
    pub operations: i32,
    /// Most connections at a time to a server, and of clients to its sidecar, from 1 to 1000000. A further one gets 503,
    /// or over TLS is closed. Default 10000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: i32,
    /// Most watches at a time, from 0 to 999999 and fewer than `connections`, since each takes one. A further one gets
    /// 503. Unset: half of `connections`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 999_999))]
    pub watchers: Option<i32>,
    /// How long the outcome of a write with an Idempotency-Key is remembered, from 1s to 168h. Default 24h.
    pub idempotency_window: DurationString,
}

impl Default for LimitsSettings {
    fn default() -> Self {
        Self {
            key_bytes: 1024,
            value_bytes: Quantity::from_mebibytes(1),
            memory: Quantity::from_mebibytes(256),
            keys: None,
            request_head_bytes: Quantity::from_kibibytes(64),
            request_bytes: Quantity::from_mebibytes(4),
            operations: 1000,
            connections: 10_000,
            watchers: None,
            idempotency_window: DurationString::from_hours(24),
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
        if self.keys.is_some_and(|keys| !(1..=1_000_000_000_000).contains(&keys)) {
            return out(
                "limits.keys",
                &self.keys.unwrap_or_default(),
                "write 1 to 1000000000000, or leave it out",
            );
        }
        if !(8 << 10..=1 << 20).contains(&self.request_head_bytes.bytes()) {
            return out("limits.requestHeadBytes", &self.request_head_bytes, "write 8Ki to 1Mi");
        }
        if self.request_head_bytes.as_len() < 3 * self.key_len() + (4 << 10) {
            let bounds = "each byte of a key may be percent-encoded as three, so write at least 3 x limits.keyBytes + 4Ki";
            return out("limits.requestHeadBytes", &self.request_head_bytes, bounds);
        }
        if !(1 << 10..=256 << 20).contains(&self.request_bytes.bytes()) {
            return out("limits.requestBytes", &self.request_bytes, "write 1Ki to 256Mi");
        }
        if !(1..=10_000).contains(&self.operations) {
            return out("limits.operations", &self.operations, "write 1 to 10000");
        }
        if !(1..=1_000_000).contains(&self.connections) {
            return out("limits.connections", &self.connections, "write 1 to 1000000");
        }
        if let Some(watchers) = self.watchers.filter(|watchers| !(0..self.connections).contains(watchers)) {
            let bounds =
                "each watch takes a connection, so write 0 or more, but fewer than limits.connections";
            return out("limits.watchers", &watchers, bounds);
        }
        if !(1_000..=168 * 3_600_000).contains(&self.idempotency_window.get().as_millis()) {
            return out("limits.idempotencyWindow", &self.idempotency_window, "write 1s to 168h");
        }
        Ok(())
    }

    /// The most keys; `u64::MAX` for no limit.
    pub fn most_keys(&self) -> u64 {
        self.keys.map_or(u64::MAX, |keys| u64::try_from(keys).unwrap_or(0))
    }

    /// The most conditions and operations of a transaction.
    pub fn most_operations(&self) -> usize {
        usize::try_from(self.operations).unwrap_or(0)
    }

    /// The most connections at a time.
    pub fn most_connections(&self) -> usize {
        usize::try_from(self.connections).unwrap_or(0)
    }

    /// The most watches at a time.
    pub fn most_watchers(&self) -> usize {
        usize::try_from(self.watchers.unwrap_or(self.connections / 2)).unwrap_or(0)
    }

    /// What a server within these limits may take of its container's memory, in bytes; with less, the kernel may end it
    /// before `memory` refuses a write.
    ///
    /// Keys and values, a quarter for what the allocator cannot reuse, the changes kept for watches and the view of a
    /// compaction (a sixteenth of `memory` each), and 128Mi for bodies that are received (at most 32Mi of large ones),
    /// writes under way to the log (at most 64Mi), buffers and the process itself.
    pub fn process_bytes(&self) -> u64 {
        let memory = self.memory.bytes();
        memory + memory / 4 + memory / 8 + (128 << 20)
    }

    /// The longest key, in bytes.
    pub fn key_len(&self) -> usize {
        usize::try_from(self.key_bytes).unwrap_or(0)
    }
}
