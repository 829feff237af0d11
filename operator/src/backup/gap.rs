//! A gap in a copied log, as what copied it reports it: the log was compacted before all of it was copied. Pure.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kivi_crds::{LastBackup, LogGap};
use serde::Deserialize;

/// The container that copies a log.
const CONTAINER: &str = "archive";

/// The last gap that these pods tell of.
pub fn find(pods: &[Pod]) -> Option<LogGap> {
    pods.iter().filter_map(of_pod).max_by(|one, other| one.found_at.cmp(&other.found_at))
}

/// Whether a backup that was made since holds what comes behind a gap, so that nothing new is lost by it.
pub fn is_closed(gap: &LogGap, success: &LastBackup) -> bool {
    let times = || Some((gap.found_at.parse::<Timestamp>().ok()?, success.finished_at.parse().ok()?));
    times().is_some_and(|(found, finished): (Timestamp, Timestamp)| finished > found)
}

fn of_pod(pod: &Pod) -> Option<LogGap> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Report {
        gap_behind: Option<i64>,
    }
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    let container = containers.iter().find(|container| container.name == CONTAINER)?;
    let end = container.state.as_ref()?.terminated.as_ref().filter(|end| end.exit_code == 0)?;
    let report: Report = serde_json::from_str(end.message.as_deref()?).ok()?;
    Some(LogGap { behind: report.gap_behind?, found_at: end.finished_at.as_ref()?.0.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(container: &str, code: i32, second: u8, report: &str) -> Pod {
        serde_json::from_value(serde_json::json!({"metadata": {"name": "x"}, "status": {"containerStatuses": [{
            "name": container, "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": code, "finishedAt": format!("2026-11-22T10:00:0{second}Z"), "message": report}},
        }]}}))
        .unwrap()
    }

    #[test]
    fn the_last_gap_is_found_in_the_reports_of_what_copied_the_log() {
        let told = r#"{"storeId": "ab", "entries": 3, "gapBehind": 500}"#;
        let found = |pods: &[Pod]| find(pods).map(|gap| (gap.behind, gap.found_at));
        let gap = |behind: i64, second: u8| Some((behind, format!("2026-11-22T10:00:0{second}Z")));
        assert_eq!(found(&[pod("archive", 0, 1, told)]), gap(500, 1));
        let newer = told.replace("500", "700");
        assert_eq!(found(&[pod("archive", 0, 2, &newer), pod("archive", 0, 1, told)]), gap(700, 2));
        for other in [
            pod("archive", 1, 1, told),
            pod("backup", 0, 1, told),
            pod("archive", 0, 1, r#"{"storeId": "ab", "gapBehind": null}"#),
            pod("archive", 0, 1, r#"{"storeId": "ab"}"#),
            pod("archive", 0, 1, "no report"),
            Pod::default(),
        ] {
            assert_eq!(found(&[other]), None);
        }
    }

    #[test]
    fn only_a_backup_that_is_younger_closes_a_gap() {
        let gap = LogGap { behind: 500, found_at: "2026-11-22T10:00:00Z".to_owned() };
        for (finished, closed) in
            [("2026-11-22T09:59:59Z", false), ("2026-11-22T10:00:01Z", true), ("soon", false)]
        {
            let success = LastBackup { finished_at: finished.to_owned(), ..LastBackup::default() };
            assert_eq!(is_closed(&gap, &success), closed, "{finished}");
        }
    }
}
