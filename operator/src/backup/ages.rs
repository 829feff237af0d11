//! What is exported of all stores' backups, at each scrape out of what their watch keeps. No store in a label.

use std::fmt;

use jiff::Timestamp;
use kivi_crds::{ConditionType, KeyValueStore};
use kube_runtime::reflector::Store;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;

use crate::status::conditions;
use crate::term::Known;

/// How late the backups of all stores are; nothing is known of them while another operator leads.
#[derive(Debug)]
pub(crate) struct Ages(pub(crate) Known);

impl Collector for Ages {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = Timestamp::now();
        let mut all = Summary::default();
        for store in self.0.stores().iter().flat_map(Store::state) {
            if let Ok(store) = &store.0 {
                all.add(store, now);
            }
        }
        let mut gauge = |name: &str, help: &str, value: i64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge(
            "kivi_operator_stores_not_backed_up",
            "Stores whose last backup failed, is missing or is yet to be made",
            all.not_backed_up,
        )?;
        gauge(
            "kivi_operator_oldest_backup_age_seconds",
            "Greatest age among the last backups of all stores that have a schedule",
            all.oldest_age,
        )
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Summary {
    not_backed_up: i64,
    oldest_age: i64,
}

impl Summary {
    fn add(&mut self, store: &KeyValueStore, now: Timestamp) {
        let Some(status) = &store.status else { return };
        let ready = conditions::find(&status.conditions, ConditionType::BackupReady);
        self.not_backed_up += i64::from(ready.is_some_and(|ready| ready.status == "False"));
        let scheduled = store.spec.backup.as_ref().is_some_and(|backup| backup.schedule.is_some());
        let last = status.backup.as_ref().filter(|_| scheduled).and_then(|b| b.last_successful.as_ref());
        let finished: Option<Timestamp> = last.and_then(|last| last.finished_at.parse().ok());
        let age = finished.map_or(0, |finished| now.duration_since(finished).as_secs());
        self.oldest_age = self.oldest_age.max(age);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::custom_resource;

    #[test]
    fn the_worst_of_all_stores_is_told() {
        let store = |spec: &str, holds: &str, day: &str| {
            let mut store = custom_resource(spec);
            let status = format!(
                "{{backup: {{lastSuccessful: {{name: b, revision: 1, finishedAt: '2026-11-{day}T02:00:00Z'}}}},
                  conditions: [{{type: BackupReady, status: '{holds}', reason: r, message: m, lastTransitionTime: '2026-11-22T10:00:00Z'}}]}}"
            );
            store.status = Some(serde_yaml::from_str(&status).unwrap());
            store
        };
        let scheduled = "{backup: {schedule: 0 2 * * *}}";
        let mut all = Summary::default();
        for store in [
            store(scheduled, "True", "23"),
            store(scheduled, "False", "22"),
            store("{}", "False", "01"),
            custom_resource("{}"),
        ] {
            all.add(&store, "2026-11-23T02:00:10Z".parse().unwrap());
        }
        assert_eq!(all, Summary { not_backed_up: 2, oldest_age: 86_410 });
    }
}
