//! Durations as Kubernetes writes them: `1h30m`, `250ms`, `0s`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::SettingsError;

/// A duration, kept as it was written so that a spec reads back unchanged.
///
/// Accepts a sequence of whole numbers with the units `h`, `m`, `s`, `ms` in descending order, the
/// subset of Go's `time.ParseDuration` that Kubernetes objects use. At most 10 years.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DurationString {
    text: String,
    value: Duration,
}

/// What the API server checks; [`DurationString::from_str`] accepts nothing else.
const PATTERN: &str = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

/// Longest text, in bytes; bounds the cost of CEL rules that read a duration.
const MAX_LENGTH: usize = 32;

/// A CEL rule that is asked only while these fields hold durations, as it reads them by `duration()`. Of any other text the
/// schema's pattern has said what is wrong, and the rule would add that it could not be evaluated.
pub fn of_durations(fields: &[&str], rule: &str) -> String {
    let other = |field: &&str| format!("(has({field}) && !{field}.matches('^([0-9]+(h|m|s|ms))+$')) || ");
    let others: String = fields.iter().map(other).collect();
    others + rule
}

const MAX: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

impl DurationString {
    /// The duration in whole seconds.
    pub fn from_secs(seconds: u64) -> Self {
        Self { text: format!("{seconds}s"), value: Duration::from_secs(seconds) }
    }

    /// The duration in whole hours.
    pub fn from_hours(hours: u64) -> Self {
        Self { text: format!("{hours}h"), value: Duration::from_secs(hours * 3600) }
    }

    /// The duration as a number.
    pub fn get(&self) -> Duration {
        self.value
    }

    /// Whether the duration is zero, which many settings read as "off".
    pub fn is_zero(&self) -> bool {
        self.value.is_zero()
    }
}

impl FromStr for DurationString {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text)
            .filter(|value| *value <= MAX && text.len() <= MAX_LENGTH)
            .map(|value| Self { text: text.to_owned(), value })
            .ok_or_else(|| SettingsError::Duration { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let (mut rest, mut millis, mut next_unit) = (text, 0_u64, 0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit_text = &rest[digits..];
        let unit_end = unit_text.find(|c: char| c.is_ascii_digit()).unwrap_or(unit_text.len());
        let unit = UNITS.iter().position(|(name, _)| *name == &unit_text[..unit_end])?;
        if unit < next_unit {
            return None;
        }
        next_unit = unit + 1;
        millis = millis.checked_add(number.checked_mul(UNITS[unit].1)?)?;
        rest = &unit_text[unit_end..];
    }
    Some(Duration::from_millis(millis))
}

impl TryFrom<String> for DurationString {
    type Error = SettingsError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<DurationString> for String {
    fn from(duration: DurationString) -> Self {
        duration.text
    }
}

impl fmt::Display for DurationString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonSchema for DurationString {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": PATTERN, "minLength": 2, "maxLength": MAX_LENGTH})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_kubernetes_writes() {
        for (text, millis) in [("0s", 0), ("250ms", 250), ("1h30m", 5_400_000), ("2160h", 7_776_000_000)] {
            let duration: DurationString = text.parse().unwrap();
            assert_eq!(u64::try_from(duration.get().as_millis()).unwrap(), millis, "{text}");
            assert_eq!(duration.to_string(), text);
        }
    }

    #[test]
    fn refuses_everything_else_with_the_way_out() {
        for text in ["", "1", "1.5h", "-1s", "1s1h", "1h1h", "5 s", "99999999999999999999s", "1000000h"] {
            let error = text.parse::<DurationString>().unwrap_err().to_string();
            assert!(error.contains("is not a duration") && error.contains("1h30m"), "{error}");
        }
    }
}
