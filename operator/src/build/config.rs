//! The processes' configuration file, and the hash by which a change of it rolls the pods.
//!
//! Only what differs from the defaults is written and hashed. So a release of the operator that knows one
//! more setting writes the same file for the same store: a server of an older release can still read it,
//! and no pod restarts.

use kivi_crds::settings::{FileLogSettings, Settings, SidecarSettings};
use serde_json::{Map, Value};

use super::digest;

/// Name of the file in the ConfigMap.
pub(super) const FILE: &str = "kivi.yaml";

/// The configuration file.
pub(super) fn file(settings: &Settings) -> String {
    let yaml = differing(&without_growth(settings)).and_then(|value| serde_yaml::to_string(&value).ok());
    format!(
        "# What differs from the defaults. Written by kivi-operator out of the store's spec.\n{}",
        yaml.unwrap_or_else(|| "{}\n".to_owned())
    )
}

/// A hash of the settings that a process reads at its start only. Left out is what changes without one:
/// the size of a volume, what the pod template itself carries, and the settings of cache, throttle, time-outs and requests in
/// flight, which the sidecar follows.
pub(super) fn hash(settings: &Settings) -> String {
    let mut settings = without_growth(settings);
    let defaults = FileLogSettings::default();
    if let Some(file) = &mut settings.log.file {
        file.size = defaults.size;
        file.storage_class_name = defaults.storage_class_name;
    }
    settings.auth.tokens_secret_ref = None;
    settings.sidecar.enabled = true;
    let defaults = SidecarSettings::default();
    settings.sidecar.cache = defaults.cache;
    settings.sidecar.throttle = defaults.throttle;
    settings.sidecar.max_in_flight = defaults.max_in_flight;
    settings.sidecar.timeouts = defaults.timeouts;
    settings.sidecar.tracing = defaults.tracing;
    settings.sidecar.resources = defaults.resources;
    digest::of(differing(&settings).unwrap_or_default())
}

/// How a volume grows is the operator's business; a server of an older release need not know of it.
fn without_growth(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    if let Some(file) = &mut settings.log.file {
        file.auto_grow = None;
    }
    settings
}

fn differing(settings: &Settings) -> Option<Value> {
    let wanted = serde_json::to_value(settings).ok()?;
    let default = serde_json::to_value(Settings::default()).ok()?;
    subtract(wanted, &default)
}

/// What of `value` is not in `default`.
fn subtract(value: Value, default: &Value) -> Option<Value> {
    match (value, default) {
        (Value::Object(fields), Value::Object(defaults)) => {
            let rest: Map<String, Value> = fields
                .into_iter()
                .filter_map(|(name, value)| {
                    let default = defaults.get(&name).unwrap_or(&Value::Null);
                    Some((name, subtract(value, default)?))
                })
                .collect();
            (!rest.is_empty()).then_some(Value::Object(rest))
        }
        (value, default) => (value != *default).then_some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn the_file_reads_back_as_the_same_settings() {
        for text in [
            "{}",
            "{limits: {keyBytes: 7}, sidecar: {throttle: {rate: 5}, cache: {splitBy: [Token, Header=X-Account]}}}",
            "{log: {file: {size: 2Gi, sync: Never}}, auth: {anonymous: Read}}",
        ] {
            let settings = settings(text);
            assert_eq!(serde_yaml::from_str::<Settings>(&file(&settings)).unwrap(), settings, "{text}");
        }
    }

    #[test]
    fn a_server_need_not_know_how_its_volume_grows() {
        assert_eq!(file(&settings("{log: {file: {autoGrow: {max: 5Gi}}}}")), file(&Settings::default()));
    }

    #[test]
    fn hashes_are_golden_or_an_upgrade_of_the_operator_rolls_every_pod() {
        for (text, golden) in [("{}", "e3b0c44298fc1c14"), ("{limits: {keyBytes: 7}}", "7d081403f44597a2")] {
            assert_eq!(hash(&settings(text)), golden, "{text}");
        }
    }

    #[test]
    fn only_what_is_read_at_the_start_changes_the_hash() {
        let plain = hash(&Settings::default());
        for text in [
            "{log: {file: {size: 2Gi}}}",
            "{log: {file: {storageClassName: fast}}}",
            "{log: {file: {autoGrow: {max: 5Gi}}}}",
            "{auth: {tokensSecretRef: {name: mine}}}",
            "{sidecar: {cache: {ttl: 5s, maxBytes: 1Gi, splitBy: [Header=X-Account]}}}",
            "{sidecar: {throttle: {rate: 5, by: Store}, maxInFlight: 5, timeouts: {request: 5s, idle: 1h}}}",
            "{sidecar: {resources: {limits: {cpu: 2}}, tracing: {sampleRatio: '0.5'}}}",
        ] {
            assert_eq!(hash(&settings(text)), plain, "{text}");
        }
        for text in ["{limits: {keyBytes: 7}}", "{auth: {anonymous: Read}}", "{log: {file: {sync: Never}}}"] {
            assert_ne!(hash(&settings(text)), plain, "{text}");
        }
    }
}
