//! Why a store cannot be built, as a sentence for its conditions.

use std::time::Duration;

use kivi_crds::settings::SettingsError;
use thiserror::Error;

use crate::backup::authority::NoAuthority;
use crate::backup::schedule::ScheduleError;

/// The field that names a user's certificate.
pub(super) const TLS_FIELD: &str = "spec.tls.secretRef";

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
    /// A server refuses a log of a later format than its own.
    #[error(
        "spec.version: {asked} reads log format {reads}, and {ran} wrote format {wrote}; stay at {ran}, or restore a backup of before the upgrade into a new store."
    )]
    Downgrade {
        /// The version in the spec.
        asked: String,
        /// The log format that it reads.
        reads: u32,
        /// The version that served last.
        ran: String,
        /// The log format that it wrote.
        wrote: u32,
    },
    /// A file log has one server.
    #[error("spec.replicas: {0} servers need a shared log, and a file log serves one; write 1.")]
    Replicas(i32),
    /// Two places for one certificate.
    #[error("spec.tls: name at most one of managed, secretRef, issuerRef and disabled.")]
    Tls,
    /// There is no cert-manager to ask.
    #[error(
        "spec.tls.issuerRef: the cluster does not know cert-manager's Certificates (cert-manager.io/v1); install cert-manager, or name another source of the certificate."
    )]
    NoCertManager,
    /// A duration of the certificate is out of bounds.
    #[error("spec.tls: {field}: write a duration from {}s to {}s.", least.as_millis().div_ceil(1000), most.as_secs())]
    TlsDuration {
        /// Name of the field.
        field: &'static str,
        /// The shortest.
        least: Duration,
        /// The longest.
        most: Duration,
    },
    /// A name for the certificate is none.
    #[error("spec.tls: dnsNames: {0:?} is no DNS name; write lower-case labels, as in kv.example.com.")]
    DnsName(String),
    /// Too many names for the certificate.
    #[error("spec.tls: dnsNames: {0} are too many names; write at most {most}.", most = kivi_crds::MAX_DNS_NAMES)]
    DnsNames(usize),
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
    /// The authorities are not there of the server of the bucket that the store is to begin with.
    #[error("spec.bootstrap.fromBackup.destination.s3.caSecretRef: {0}.")]
    BucketAuthority(#[from] NoAuthority),
    /// The backup that the store is to begin with is not there, or not yet.
    #[error("spec.bootstrap.fromBackup.name: KeyValueStoreBackup {name} cannot be restored: {why}.")]
    Backup {
        /// Name of the backup.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A volume claim of someone else's has the name of one of the store's.
    #[error(
        "Volume claim {claim} exists and is not this store's: {why}. Rename one of them; or, to take the claim over with what \
         is on its volume, `kubectl annotate pvc {claim} kivi.dev/adopt={store}`."
    )]
    ForeignClaim {
        /// Name of the claim.
        claim: String,
        /// Why it is not the store's.
        why: String,
        /// The store, as claims name it.
        store: String,
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
            | Self::TlsDuration { .. }
            | Self::DnsName(_)
            | Self::DnsNames(_)
            | Self::Field { .. }
            | Self::Schedule(_)
            | Self::Destination { .. }
            | Self::FromBackup => "InvalidSpec",
            Self::NoCertManager => "CertManagerNotFound",
            Self::Backup { .. } => "BackupNotReady",
            Self::BucketAuthority(why) => why.reason(),
            Self::Version { .. } => "VersionNotSupported",
            Self::Downgrade { .. } => "DowngradeNotPossible",
            Self::SecretNotFound { .. } => "SecretNotFound",
            Self::SecretInvalid { .. } => "SecretInvalid",
            Self::NameTaken { .. } => "NameTaken",
            Self::ForeignClaim { .. } => "VolumeForeign",
        }
    }

    /// Whether its end cannot be seen: the operator watches no objects of someone else's but Secrets,
    /// and of backups those of the store itself.
    pub fn must_be_tried_again(&self) -> bool {
        matches!(
            self,
            Self::NameTaken { .. } | Self::NoCertManager | Self::Backup { .. } | Self::ForeignClaim { .. }
        )
    }

    /// Whether it is the certificate that is missing.
    pub fn concerns_certificate(&self) -> bool {
        match self {
            Self::NoCertManager => true,
            Self::SecretNotFound { field, .. } | Self::SecretInvalid { field, .. } => *field == TLS_FIELD,
            _ => false,
        }
    }
}

/// Refuses a field whose schema is not this operator's.
pub(super) fn refused(field: String, reason: &str) -> ValidationError {
    ValidationError::Field { field, reason: reason.to_owned() }
}
