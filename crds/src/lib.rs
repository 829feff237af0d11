//! Kivi's custom resources: their types, the names and labels of what is made from them, and the CRD's
//! YAML.
//!
//! Inputs: none. It does no IO and knows no client; the operator, the plugin and the tests share it.

mod backup;
mod condition;
mod crd;
pub mod labels;
mod names;
mod opaque;
mod store;

pub use backup::{
    Destination, KeyValueStoreBackup, KeyValueStoreBackupSpec, KeyValueStoreBackupStatus, S3Destination,
    StoreRef, VolumeDestination,
};
pub use condition::{BackupConditionType, ConditionType};
pub use crd::{backup_crd, crd, crd_yaml, definitions};
pub use kivi_settings as settings;
pub use names::{LOG_VOLUME, StoreNames};
pub use opaque::Opaque;
pub use store::{
    AtRevision, Backup, BackupRetention, Bootstrap, CertificateStatus, Disabled, FromBackup, HttpRoute,
    Ingress, KeyValueStore, KeyValueStoreSpec, KeyValueStoreStatus, LastBackup, ManagedTls, Monitoring,
    NetworkPolicy, Pod, PointInTime, Retention, RetentionPolicy, Service, ServiceType, StoreBackupStatus,
    Tls, VolumePhase, VolumeStatus,
};

/// This release: the default of `spec.version`.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");
