//! The configuration file of the server and of the sidecar: the same sections as under `spec`.

use serde::{Deserialize, Serialize};

use crate::{AuthSettings, LimitsSettings, LogSettings, SettingsError, SidecarSettings};

/// A store's configuration file. Both processes read the same file and use their own sections: the
/// server `log`, `limits` and `auth` (the last where it serves clients itself), the sidecar `limits`,
/// `auth` and `sidecar`. The empty file is valid: every field has a default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Where the transaction log lives.
    pub log: LogSettings,
    /// What a server accepts and holds.
    pub limits: LimitsSettings,
    /// Who may read and write.
    pub auth: AuthSettings,
    /// The proxy in front of each server.
    pub sidecar: SidecarSettings,
}

impl Settings {
    /// Checks every bound, so that a file written by hand is held to the rules of the API server.
    ///
    /// # Errors
    /// Names the first field out of bounds.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.log.check()?;
        self.limits.check()?;
        self.sidecar.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_file_is_valid() {
        let settings: Settings = serde_yaml::from_str("{}").unwrap();
        settings.check().unwrap();
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn what_is_written_reads_back() {
        let settings = Settings::default();
        let text = serde_yaml::to_string(&settings).unwrap();
        assert_eq!(serde_yaml::from_str::<Settings>(&text).unwrap(), settings);
    }

    #[test]
    fn each_bound_names_its_field() {
        for (text, field) in [
            ("log: {}", "log: name one kind of log"),
            ("log: {file: {segmentSize: 1}}", "log.file.segmentSize: 1"),
            ("log: {file: {syncInterval: 0s}}", "log.file.syncInterval: 0s"),
            ("log: {file: {compactAtGarbage: 100}}", "log.file.compactAtGarbage: 100"),
            ("log: {file: {autoGrow: {max: 512Mi}}}", "log.file.autoGrow.max: 512Mi"),
            ("log: {file: {autoGrow: {max: 2Gi, threshold: 96}}}", "log.file.autoGrow.threshold: 96"),
            ("limits: {keyBytes: 0}", "limits.keyBytes: 0"),
            ("limits: {valueBytes: 65Mi}", "limits.valueBytes: 65Mi"),
            ("limits: {memory: 1Mi}", "limits.memory: 1Mi"),
            ("sidecar: {maxInFlight: 0}", "sidecar.maxInFlight: 0"),
            ("sidecar: {throttle: {rate: 0}}", "sidecar.throttle.rate: 0"),
            ("sidecar: {throttle: {burst: 5}}", "sidecar.throttle.burst: it needs `rate`"),
            ("sidecar: {timeouts: {request: 2h}}", "sidecar.timeouts.request: 2h"),
            ("sidecar: {cache: {maxBytes: 65Gi}}", "sidecar.cache.maxBytes: 65Gi"),
        ] {
            let settings: Settings = serde_yaml::from_str(text).unwrap();
            let error = settings.check().unwrap_err().to_string();
            assert!(error.starts_with(field), "{text}: {error}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let error = serde_yaml::from_str::<Settings>("sidecar: {throtle: {}}").unwrap_err().to_string();
        assert!(error.contains("unknown field `throtle`"), "{error}");
    }
}
