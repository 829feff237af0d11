//! Status as a function of what was observed. Pure: the time is an input, and only decides the time of a
//! transition.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use kivi_crds::{CertificateStatus, ConditionType, KeyValueStoreStatus, VolumePhase, VolumeStatus, labels};

use super::conditions::Conditions;
use crate::build::{Applied, Children};
use crate::material::Material;
use crate::model::{Certificate, Store};
use crate::validate::ValidationError;

/// The status of a store whose children were applied.
pub fn serving(
    store: &Store,
    material: &Material,
    applied: &Children<Applied>,
    volumes: Vec<VolumeStatus>,
    previous: Option<&KeyValueStoreStatus>,
    now: Timestamp,
) -> KeyValueStoreStatus {
    let pods = Pods::of(&applied.stateful_set, store.replicas);
    let conditions = Conditions::new(
        previous.map(|status| status.conditions.as_slice()).unwrap_or_default(),
        store.generation,
        now,
    );
    let conditions = pods.conditions(store, conditions);
    let conditions = storage(store, &volumes, conditions);
    let conditions = certificate_condition(store, conditions).set(
        ConditionType::ReconciliationPaused,
        false,
        "NotPaused",
        "The operator keeps the store as its spec says.",
    );
    KeyValueStoreStatus {
        observed_generation: Some(store.generation),
        conditions: conditions.finish(),
        replicas: Some(pods.existing),
        ready_replicas: Some(pods.ready),
        selector: Some(labels::query(&store.selector())),
        log: Some("file".to_owned()),
        endpoint: Some(store.endpoint()),
        version: Some(store.release.version.clone()),
        certificate: certificate(store, material),
        volumes,
    }
}

/// The status of a store that cannot be built. What runs goes on running.
pub fn invalid(
    previous: Option<&KeyValueStoreStatus>,
    generation: i64,
    error: &ValidationError,
    now: Timestamp,
) -> KeyValueStoreStatus {
    let message = error.to_string();
    refused(previous, generation, error.reason(), &message, error.concerns_certificate(), now)
}

/// The status of a store that this operator cannot even read.
pub fn malformed(
    previous: Option<&KeyValueStoreStatus>,
    generation: i64,
    error: &str,
    now: Timestamp,
) -> KeyValueStoreStatus {
    refused(previous, generation, "Malformed", &format!("The store cannot be read: {error}."), false, now)
}

fn refused(
    previous: Option<&KeyValueStoreStatus>,
    generation: i64,
    reason: &str,
    message: &str,
    certificate: bool,
    now: Timestamp,
) -> KeyValueStoreStatus {
    let status = previous.cloned().unwrap_or_default();
    let mut conditions = Conditions::new(&status.conditions, generation, now)
        .set(ConditionType::Ready, false, reason, message)
        .set(ConditionType::Progressing, false, reason, "The operator waits for the spec or its Secrets.")
        .set(ConditionType::Degraded, true, reason, message);
    if certificate {
        conditions = conditions.set(ConditionType::CertificateReady, false, reason, message);
    }
    KeyValueStoreStatus { observed_generation: Some(generation), conditions: conditions.finish(), ..status }
}

/// The status of a store that the operator is asked to leave alone.
pub fn paused(
    previous: Option<&KeyValueStoreStatus>,
    generation: i64,
    now: Timestamp,
) -> KeyValueStoreStatus {
    let status = previous.cloned().unwrap_or_default();
    let conditions = Conditions::new(&status.conditions, generation, now).set(
        ConditionType::ReconciliationPaused,
        true,
        "Paused",
        "spec.paused is true: the operator changes nothing.",
    );
    KeyValueStoreStatus { observed_generation: Some(generation), conditions: conditions.finish(), ..status }
}

/// The status of a store one of whose children the API server refuses. Whether it serves is not known to
/// have changed.
pub fn failed(
    previous: Option<&KeyValueStoreStatus>,
    generation: i64,
    message: &str,
    now: Timestamp,
) -> KeyValueStoreStatus {
    let status = previous.cloned().unwrap_or_default();
    let mut conditions = Conditions::new(&status.conditions, generation, now).set(
        ConditionType::Degraded,
        true,
        "ApplyFailed",
        message,
    );
    if super::conditions::find(&status.conditions, ConditionType::Ready).is_none() {
        conditions = conditions.set(ConditionType::Ready, false, "ApplyFailed", message);
    }
    KeyValueStoreStatus { observed_generation: Some(generation), conditions: conditions.finish(), ..status }
}

struct Pods {
    wanted: i32,
    existing: i32,
    ready: i32,
    /// Whether the StatefulSet's controller has seen the spec, and every pod has its template.
    settled: bool,
}

impl Pods {
    fn of(set: &StatefulSet, wanted: i32) -> Self {
        let Some(status) = &set.status else {
            return Self { wanted, existing: 0, ready: 0, settled: false };
        };
        let seen =
            status.observed_generation.unwrap_or_default() >= set.metadata.generation.unwrap_or_default();
        Self {
            wanted,
            existing: status.replicas,
            ready: status.ready_replicas.unwrap_or_default(),
            settled: seen
                && status.replicas == wanted
                && status.updated_replicas.unwrap_or_default() == wanted,
        }
    }

    fn conditions(&self, store: &Store, conditions: Conditions) -> Conditions {
        use ConditionType::{Degraded, Progressing, Ready};
        let Self { wanted, ready, .. } = *self;
        let count = format!("{ready} of {wanted} servers ready.");
        let conditions = if store.stopped {
            conditions.set(Ready, false, "Stopped", "spec.stopped is true: the volumes are kept.")
        } else if self.settled && ready >= wanted {
            conditions.set(Ready, true, "Serving", &count)
        } else if ready >= wanted && wanted > 0 {
            conditions.set(Ready, true, "RollingOut", format!("{count} A new template is being rolled out."))
        } else {
            conditions.set(Ready, false, "ServersNotReady", &count)
        };
        let conditions = if self.settled && ready >= wanted {
            conditions.set(Progressing, false, "Settled", "The cluster is as the spec says.")
        } else {
            conditions.set(Progressing, true, "RollingOut", format!("Waiting for pods: {count}"))
        };
        conditions.set(Degraded, false, "AsExpected", "Nothing needs a human.")
    }
}

fn storage(store: &Store, volumes: &[VolumeStatus], conditions: Conditions) -> Conditions {
    use ConditionType::{Degraded, StorageReady};
    let named = |phase: VolumePhase| volumes.iter().find(|volume| volume.phase == phase);
    let wanted = usize::try_from(store.replicas).unwrap_or_default();
    if let Some(lost) = named(VolumePhase::Lost) {
        let message = format!("Volume {} is lost, and the data on it.", lost.name);
        return conditions.set(StorageReady, false, "VolumeLost", &message).set(
            Degraded,
            true,
            "VolumeLost",
            message,
        );
    }
    if let Some(pending) = named(VolumePhase::Pending) {
        let message = format!("Volume claim {} waits for a volume.", pending.name);
        return conditions.set(StorageReady, false, "VolumePending", message);
    }
    if volumes.len() < wanted {
        let message = format!("{} of {wanted} volume claims exist.", volumes.len());
        return conditions.set(StorageReady, false, "VolumePending", message);
    }
    if store.volume.template_size != store.volume.wanted_size {
        let message = format!(
            "spec.log.file.size is {}, and the volumes were made with {}: this release does not grow them.",
            store.volume.wanted_size, store.volume.template_size
        );
        return conditions.set(StorageReady, true, "SizeDiffers", message);
    }
    conditions.set(StorageReady, true, "VolumesBound", format!("{} volumes bound.", volumes.len()))
}

fn certificate_condition(store: &Store, conditions: Conditions) -> Conditions {
    let (reason, message) = match &store.certificate {
        Certificate::Managed(_) => {
            ("Issued", format!("Secret {} holds the certificate.", store.names.tls_secret()))
        }
        Certificate::Provided { secret, .. } => {
            ("Provided", format!("Secret {secret} holds the certificate."))
        }
        Certificate::Disabled => ("TlsDisabled", "spec.tls.disabled: clients speak in the clear.".to_owned()),
    };
    conditions.set(ConditionType::CertificateReady, true, reason, message)
}

fn certificate(store: &Store, material: &Material) -> Option<CertificateStatus> {
    let secret_name = store.certificate_secret()?;
    match (&store.certificate, &material.certificate) {
        (Certificate::Provided { not_after, .. }, _) => Some(CertificateStatus {
            secret_name,
            ca_config_map: None,
            not_after: not_after.to_string(),
            generation: 0,
        }),
        (_, Some(issued)) => Some(CertificateStatus {
            secret_name,
            ca_config_map: Some(store.names.ca_config_map()),
            not_after: issued.not_after.to_string(),
            generation: issued.generation,
        }),
        (_, None) => None,
    }
}

#[cfg(test)]
mod tests;
