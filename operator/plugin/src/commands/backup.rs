//! `kubectl kivi backup STORE`: asks for a backup, and waits for its end if need be.

use std::io::Write;

use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::tz::TimeZone;
use kivi_crds::{BackupConditionType, KeyValueStoreBackup, KeyValueStoreBackupSpec, StoreRef};

use crate::PluginError;
use crate::arguments::Backup;
use crate::cluster::Cluster;

pub(crate) async fn run(cluster: &Cluster, order: &Backup, out: &mut impl Write) -> Result<(), PluginError> {
    let store = &order.store;
    let backup = &cluster.store(store).await?.spec.backup;
    if backup.as_ref().is_none_or(|backup| backup.destination.is_none()) {
        return Err(PluginError::NoDestination { store: store.clone() });
    }
    let name = order.name.clone().unwrap_or_else(|| name(store, Timestamp::now()));
    cluster.create_backup(&name, &resource(&name, store)).await?;
    if !order.wait {
        let namespace = &cluster.namespace;
        writeln!(
            out,
            "backup {name} of store {store} begins; `kubectl get kvsb {name} -n {namespace}` tells when it is complete"
        )?;
        return Ok(());
    }
    writeln!(out, "backup {name} of store {store} begins")?;
    out.flush()?;
    let is_over = |backup: Option<&KeyValueStoreBackup>| backup.is_none_or(|backup| end(backup).is_some());
    let backup = cluster.wait_for_backup(&name, is_over).await?;
    match end(&backup) {
        Some(End::Failed(why)) => Err(PluginError::BackupFailed { backup: name, why }),
        Some(End::Complete(what)) => Ok(writeln!(out, "backup {name} is complete: {what}")?),
        None => Ok(()),
    }
}

/// How a backup ended, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Complete(String),
    Failed(String),
}

/// How a backup ended, once it has.
pub(super) fn end(backup: &KeyValueStoreBackup) -> Option<End> {
    let conditions = &backup.status.as_ref()?.conditions;
    let holds = |type_: BackupConditionType| {
        let found = conditions.iter().find(|c| c.type_ == type_.as_str() && c.status == "True");
        found.map(|condition| condition.message.clone())
    };
    let complete = holds(BackupConditionType::Complete).map(End::Complete);
    complete.or_else(|| holds(BackupConditionType::Failed).map(End::Failed))
}

/// A name that says when it was asked for, in UTC; unlike those of the schedule, whose backups are the schedule's to
/// remove.
fn name(store: &str, now: Timestamp) -> String {
    format!("{store}-{}", now.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S"))
}

fn resource(name: &str, store: &str) -> KeyValueStoreBackup {
    let store_ref = StoreRef { name: store.to_owned() };
    KeyValueStoreBackup::new(name, KeyValueStoreBackupSpec { store_ref, destination: None })
}

#[cfg(test)]
mod tests {
    use kivi_crds::labels;

    use super::*;

    #[test]
    fn a_name_is_legal_and_not_one_of_the_schedule() {
        let now = "2026-11-27T13:05:09.5Z".parse().unwrap();
        assert_eq!(name("orders", now), "orders-20261127-130509");
        let longest = "a".repeat(40);
        assert!(name(&longest, now).len() <= 63);
        assert!(!name("orders", now).starts_with(&labels::scheduled_prefix("orders")));
    }

    #[test]
    fn what_is_asked_for_names_the_store_alone() {
        let asked = serde_json::to_value(resource("first", "orders")).unwrap();
        assert_eq!(asked["spec"], serde_json::json!({"storeRef": {"name": "orders"}}));
        assert_eq!(asked["metadata"]["name"], "first");
    }

    #[test]
    fn it_is_over_when_one_of_two_conditions_is_true() {
        let of = |complete: &str, failed: &str| {
            let mut backup = resource("first", "orders");
            let condition = |type_: &str, status: &str| {
                format!(
                    "{{type: {type_}, status: '{status}', reason: r, message: {type_}., lastTransitionTime: '2026-11-22T10:00:00Z'}}"
                )
            };
            let (complete, failed) = (condition("Complete", complete), condition("Failed", failed));
            backup.status = serde_yaml::from_str(&format!("{{conditions: [{complete}, {failed}]}}")).unwrap();
            end(&backup)
        };
        assert_eq!(of("True", "False"), Some(End::Complete("Complete.".to_owned())));
        assert_eq!(of("False", "True"), Some(End::Failed("Failed.".to_owned())));
        assert_eq!(of("False", "False"), None);
        assert_eq!(end(&resource("first", "orders")), None);
    }
}
