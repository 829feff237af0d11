//! Kivi's custom resources: their types, the names and labels of what is made from them, and the CRD's
//! YAML.
//!
//! Inputs: none. It does no IO and knows no client; the operator, the plugin and the tests share it.

pub mod annotations;
mod backup;
mod condition;
mod crd;
pub mod labels;
mod names;
mod opaque;
mod store;

pub use backup::{
    CaSecretRef, Destination, KeyValueStoreBackup, KeyValueStoreBackupSpec, KeyValueStoreBackupStatus,
    S3Destination, StoreRef, VolumeDestination,
};
pub use condition::{BackupConditionType, ConditionType};
pub use crd::{backup_crd, crd, crd_yaml, definitions};
pub use kivi_settings as settings;
pub use names::{LOG_VOLUME, StoreNames, is_dns_name};
pub use opaque::Opaque;
pub use store::{
    AtRevision, Backup, BackupRetention, Bootstrap, CertificateStatus, Disabled, ExternalTrafficPolicy,
    FromBackup, HttpRoute, Ingress, IssuerRef, KeyValueStore, KeyValueStoreSpec, KeyValueStoreStatus,
    LastBackup, LogGap, MAX_DNS_NAMES, ManagedTls, Monitoring, NetworkPolicy, Pod, PointInTime, Retention,
    RetentionPolicy, Service, ServiceAccount, ServiceType, StoreBackupStatus, Tls, VolumePhase, VolumeResize,
    VolumeStatus,
};

/// This release: the default of `spec.version`. `KIVI_RELEASE` at compile time names another, by which tests get an
/// operator of a later release.
pub const RELEASE: &str = match option_env!("KIVI_RELEASE") {
    Some(release) => release,
    None => env!("CARGO_PKG_VERSION"),
};
