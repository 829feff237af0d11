//! What a command says at its end, in its pod's status: one JSON object.

use serde::Deserialize;

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// URL of the copy.
    pub(super) location: String,
    /// The revision that it holds.
    pub(super) revision: i64,
    /// Number of its keys.
    pub(super) keys: i64,
    /// Its size.
    pub(super) bytes: i64,
    /// SHA-256 of its bytes.
    pub(super) sha256: String,
    /// Hash of what it holds.
    pub(super) state_hash: String,
    /// Identity of the store's log.
    pub(super) store_id: String,
    /// When the copying began.
    pub(super) started_at: String,
    /// When it was complete.
    pub(super) finished_at: String,
    /// Names of the backups that were removed from the destination.
    #[serde(default)]
    pub(super) pruned: Vec<String>,
    /// The oldest of those of the schedule that stay: none of them that is older has a copy there any more.
    pub(super) oldest_kept: Option<String>,
    /// Why not all of them were removed that should have been.
    pub(super) not_pruned: Option<String>,
}

/// The sentence of a command that failed: its report's, or the last line of its log.
pub(super) fn failure(message: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Failure {
        error: String,
    }
    if let Ok(Failure { error }) = serde_json::from_str(message) {
        return Some(error);
    }
    message.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_says_is_read_whether_it_had_the_time_to_report_or_not() {
        let text = r#"{"name":"b","location":"s3://b/p/backups/b","revision":7,"keys":2,"bytes":512,"sha256":"ab","stateHash":"cd","storeId":"ef","startedAt":"2026-11-22T10:00:00Z","finishedAt":"2026-11-22T10:00:07Z","pruned":["a"],"more":1}"#;
        let report: Report = serde_json::from_str(text).unwrap();
        assert_eq!((report.revision, report.pruned), (7, vec!["a".to_owned()]));
        assert_eq!(failure(r#"{"error":"no bucket"}"#).as_deref(), Some("no bucket"));
        assert_eq!(failure("starting\nit broke\n\n").as_deref(), Some("it broke"));
        assert_eq!(failure(" \n"), None);
    }
}
