//! `kubectl kivi restore STORE --from BACKUP`: makes a store like the one that was copied, which begins with the copy.

use std::io::Write;

use kivi_crds::{AtRevision, KeyValueStore, KeyValueStoreBackup};

use super::backup::{End, end};
use crate::PluginError;
use crate::arguments::Restore;
use crate::cluster::Cluster;
use crate::restored::{Restored, restored};

pub(crate) async fn run(cluster: &Cluster, order: &Restore, out: &mut impl Write) -> Result<(), PluginError> {
    let Restore { store, from, revision, dry_run } = order;
    let backup = cluster.backup(from).await?;
    check(from, &backup, revision.as_ref())?;
    let source = cluster.store(&backup.spec.store_ref.name).await.map_err(|error| match error {
        PluginError::NoStore { store, .. } => {
            PluginError::SourceGone { source_store: store, backup: from.clone() }
        }
        error => error,
    })?;
    let Restored { spec, left_out } = restored(source, from, revision.clone());
    let made = KeyValueStore::new(store, spec);
    if *dry_run {
        write!(out, "{}", yaml(&made, &cluster.namespace, &left_out))?;
        return Ok(());
    }
    cluster.create_store(store, &made).await?;
    writeln!(
        out,
        "store {store} begins with backup {from}; `kubectl kivi status {store}` tells when it is ready"
    )?;
    for told in left_out {
        writeln!(out, "{told}")?;
    }
    Ok(())
}

/// Refuses what can never be restored. A backup that is on its way is waited for by the operator.
fn check(name: &str, backup: &KeyValueStoreBackup, revision: Option<&AtRevision>) -> Result<(), PluginError> {
    if let Some(End::Failed(why)) = end(backup) {
        return Err(PluginError::BackupFailed { backup: name.to_owned(), why });
    }
    let holds = backup.status.as_ref().and_then(|status| status.revision);
    match (revision, holds) {
        (Some(AtRevision::Revision(revision)), Some(holds)) if holds > *revision => {
            Err(PluginError::BackupLater { backup: name.to_owned(), holds, revision: *revision })
        }
        _ => Ok(()),
    }
}

/// As `kubectl apply` reads it.
fn yaml(store: &KeyValueStore, namespace: &str, left_out: &[&str]) -> String {
    let mut store = store.clone();
    store.metadata.namespace = Some(namespace.to_owned());
    // Strings, numbers and maps always make YAML.
    let text = serde_yaml::to_string(&store).unwrap_or_default();
    left_out.iter().map(|told| format!("# {told}\n")).chain([text]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backup(status: &str) -> KeyValueStoreBackup {
        serde_yaml::from_str(&format!(
            "{{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStoreBackup, metadata: {{name: first}}, spec: {{storeRef: {{name: orders}}}}, status: {status}}}"
        ))
        .unwrap()
    }

    #[test]
    fn what_can_never_be_restored_is_refused() {
        let failed = backup(
            "{conditions: [{type: Failed, status: 'True', reason: JobFailed, message: no bucket., lastTransitionTime: '2026-11-22T10:00:00Z'}]}",
        );
        let error = check("first", &failed, None).unwrap_err().to_string();
        assert_eq!(error, "backup `first` failed: no bucket.");
        let made = backup("{revision: 8}");
        let error = check("first", &made, Some(&AtRevision::Revision(7))).unwrap_err().to_string();
        assert!(error.starts_with("backup `first` holds revision 8, which is behind revision 7"), "{error}");
        for revision in [None, Some(AtRevision::Revision(8)), Some(AtRevision::Text("latest".to_owned()))] {
            check("first", &made, revision.as_ref()).unwrap();
        }
        check("first", &backup("{}"), Some(&AtRevision::Revision(7))).unwrap();
    }

    #[test]
    fn what_is_printed_is_what_would_be_made() {
        let spec =
            serde_yaml::from_str("{bootstrap: {fromBackup: {name: first, atRevision: latest}}}").unwrap();
        let store = KeyValueStore::new("again", spec);
        let text = yaml(&store, "shop", &["spec.ingress is left out"]);
        assert!(text.starts_with("# spec.ingress is left out\napiVersion: kivi.dev/v1alpha1\n"), "{text}");
        let read: KeyValueStore = serde_yaml::from_str(&text).unwrap();
        assert_eq!((&read.spec, read.metadata.namespace.as_deref()), (&store.spec, Some("shop")));
        assert!(!text.contains("status:"), "{text}");
    }
}
