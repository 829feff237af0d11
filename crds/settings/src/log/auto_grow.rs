//! `spec.log.file.autoGrow`: volumes that grow by themselves.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::{Quantity, SettingsError};

/// How a log volume grows by itself. The operator asks each server how full its volume is, every 30 seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "quantity(string(self.max)).compareTo(quantity('1024Ti')) <= 0",
     "message": "max must be at most 1024Ti"}
]))]
pub struct AutoGrow {
    /// How full a volume is when it grows, in percent, from 10 to 95. Default 80.
    #[serde(default = "threshold")]
    #[schemars(range(min = 10, max = 95))]
    pub threshold: i32,
    /// By how much it grows at a time: bytes as in `1Gi`, or percent of its size from 1% to 100%. Default 25%.
    #[serde(default)]
    pub step: GrowthStep,
    /// The size beyond which it does not grow by itself, in bytes, from `size` to 1024Ti. Required.
    pub max: Quantity,
}

fn threshold() -> i32 {
    80
}

impl AutoGrow {
    pub(super) fn check(&self, size: &Quantity) -> Result<(), SettingsError> {
        let out = |field, value: &dyn ToString, bounds| {
            Err(SettingsError::Bounds { field, value: value.to_string(), bounds })
        };
        if !(10..=95).contains(&self.threshold) {
            return out("log.file.autoGrow.threshold", &self.threshold, "write 10 to 95");
        }
        if !(size.bytes()..=1 << 50).contains(&self.max.bytes()) {
            return out("log.file.autoGrow.max", &self.max, "write log.file.size to 1024Ti");
        }
        Ok(())
    }
}

/// By how much a volume grows: a quantity of bytes, or a part of its size. Kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GrowthStep {
    text: String,
    by: By,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Percent(u64),
    Bytes(u64),
}

const PATTERN: &str = "^([1-9][0-9]?%|100%|[1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T)?)$";
const MAX_LENGTH: usize = 20;

impl GrowthStep {
    /// The step of a volume of `size` bytes, in bytes; at least 1.
    pub fn of(&self, size: u64) -> u64 {
        match self.by {
            By::Bytes(bytes) => bytes,
            By::Percent(percent) => (size / 100).saturating_mul(percent),
        }
        .max(1)
    }
}

impl Default for GrowthStep {
    fn default() -> Self {
        Self { text: "25%".to_owned(), by: By::Percent(25) }
    }
}

impl FromStr for GrowthStep {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || SettingsError::Step { text: text.to_owned() };
        let by = match text.strip_suffix('%') {
            Some(percent) => By::Percent(percent.parse().map_err(|_| error())?),
            None => By::Bytes(text.parse::<Quantity>().map_err(|_| error())?.bytes()),
        };
        let sound = !text.starts_with(['0', '+']) && !matches!(by, By::Percent(101.. | 0) | By::Bytes(0));
        sound.then(|| Self { text: text.to_owned(), by }).ok_or_else(error)
    }
}

impl TryFrom<String> for GrowthStep {
    type Error = SettingsError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<GrowthStep> for String {
    fn from(step: GrowthStep) -> Self {
        step.text
    }
}

impl fmt::Display for GrowthStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonSchema for GrowthStep {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "GrowthStep".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": PATTERN, "maxLength": MAX_LENGTH})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_bytes_or_a_part() {
        for (text, step) in
            [("25%", 256 << 20), ("100%", 1 << 30), ("1%", (1 << 30) / 100), ("512Mi", 512 << 20), ("7", 7)]
        {
            let read: GrowthStep = serde_yaml::from_str(&format!("'{text}'")).unwrap();
            let whole = (1_u64 << 30) / 100 * 100;
            let expected = if text.ends_with('%') { read.of(whole) } else { step };
            assert_eq!(read.of(1 << 30), expected, "{text}");
            assert_eq!(read.to_string(), text);
        }
        for text in ["0%", "101%", "0", "05%", "-1%", "%", "1.5Gi", "5 %", "+5%", ""] {
            let error = text.parse::<GrowthStep>().unwrap_err().to_string();
            assert!(error.contains("25%"), "{error}");
        }
    }
}
