//! Why a store cannot be built, as a sentence for its conditions.

use kivi_crds::settings::SettingsError;
use thiserror::Error;

use crate::backup::schedule::ScheduleError;

/// Why a store cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ValidationError {
    /// The API server gives each object a uid, and each store a namespace.
    #[error("The store has no {0}.")]
    Incomplete(&'static str),
    /// A setting is out of bounds.
    #[error("spec.{0}.")]
    Setting(#[from] SettingsError),
    /// No such release.
    #[error("spec.version: {asked} is not in this operator's catalog; write one of {offered}.")]
    Version {
        /// The version in the spec.
        asked: String,
        /// The versions in the catalog.
        offered: String,
    },
    /// A file log has one server.
    #[error("spec.replicas: {0} servers need a shared log, and a file log serves one; write 1.")]
    Replicas(i32),
    /// Two places for one certificate.
    #[error("spec.tls: name at most one of managed, secretRef and disabled.")]
    Tls,
    /// A certificate would be renewed again and again.
    #[error(
        "spec.tls.managed.renewBefore: it must be shorter than duration; write less, or leave it out for a third."
    )]
    Renewal,
    /// A part that has no schema here is not what Kubernetes knows.
    #[error("spec.{field}: {reason}.")]
    Field {
        /// Path of the field below `spec`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The Secret that a field names is not there.
    #[error("{field}: there is no Secret {name} in the store's namespace; create it.")]
    SecretNotFound {
        /// Path of the field.
        field: &'static str,
        /// Name of the Secret.
        name: String,
    },
    /// The Secret that a field names will not do.
    #[error("{field}: Secret {name} cannot be used: {reason}.")]
    SecretInvalid {
        /// Path of the field.
        field: &'static str,
        /// Name of the Secret.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The schedule of backups will not do.
    #[error("spec.backup: {0}.")]
    Schedule(#[from] ScheduleError),
    /// Two places, or none.
    #[error("{field}: name exactly one of volume and s3.")]
    Destination {
        /// Path of the field.
        field: &'static str,
    },
    /// Two backups, or none.
    #[error("spec.bootstrap.fromBackup: name exactly one of name and destination.")]
    FromBackup,
    /// The backup that the store is to begin with is not there, or not yet.
    #[error("spec.bootstrap.fromBackup.name: KeyValueStoreBackup {name} cannot be restored: {why}.")]
    Backup {
        /// Name of the backup.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// An object of someone else's has the name of a child.
    #[error("{kind} {name} exists and is not this store's; delete or rename one of them.")]
    NameTaken {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
    },
}

impl ValidationError {
    /// The reason of the conditions, and the label of the metric.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Incomplete(_)
            | Self::Setting(_)
            | Self::Replicas(_)
            | Self::Tls
            | Self::Renewal
            | Self::Field { .. }
            | Self::Schedule(_)
            | Self::Destination { .. }
            | Self::FromBackup => "InvalidSpec",
            Self::Backup { .. } => "BackupNotReady",
            Self::Version { .. } => "VersionNotSupported",
            Self::SecretNotFound { .. } => "SecretNotFound",
            Self::SecretInvalid { .. } => "SecretInvalid",
            Self::NameTaken { .. } => "NameTaken",
        }
    }

    /// Whether its end cannot be seen: the operator watches no objects of someone else's but Secrets,
    /// and of backups those of the store itself.
    pub fn must_be_tried_again(&self) -> bool {
        matches!(self, Self::NameTaken { .. } | Self::Backup { .. })
    }

    /// Whether it is the certificate that is missing.
    pub fn concerns_certificate(&self) -> bool {
        matches!(
            self,
            Self::SecretNotFound { field, .. } | Self::SecretInvalid { field, .. }
                if *field == super::secret::TLS_FIELD
        )
    }
}
