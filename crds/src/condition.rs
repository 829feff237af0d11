//! The words of conditions: their types and reasons, so that code, tests and documents cannot disagree.

/// Type of a condition in `status.conditions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// The store serves as its spec says.
    Ready,
    /// The operator or the cluster is still at work.
    Progressing,
    /// Something needs a human.
    Degraded,
    /// There is a certificate to serve with.
    CertificateReady,
    /// Each server has its volume.
    StorageReady,
    /// The last scheduled backup is there; only set where there is a schedule or a copied log.
    BackupReady,
    /// The operator leaves the store alone, as the spec asks.
    ReconciliationPaused,
    /// The store serves, but something in its spec has no effect, or may do harm later.
    ConfigurationWarning,
}

impl ConditionType {
    /// Every type, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Ready,
        Self::Progressing,
        Self::Degraded,
        Self::CertificateReady,
        Self::StorageReady,
        Self::BackupReady,
        Self::ReconciliationPaused,
        Self::ConfigurationWarning,
    ];

    /// The word in the condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Progressing => "Progressing",
            Self::Degraded => "Degraded",
            Self::CertificateReady => "CertificateReady",
            Self::StorageReady => "StorageReady",
            Self::BackupReady => "BackupReady",
            Self::ReconciliationPaused => "ReconciliationPaused",
            Self::ConfigurationWarning => "ConfigurationWarning",
        }
    }
}

/// Type of a condition of a backup, as of a Job: one of the two comes true, and stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupConditionType {
    /// The copy is where it should be, and was read back by its hash.
    Complete,
    /// It will not be made.
    Failed,
}

impl BackupConditionType {
    /// The word in the condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "Complete",
            Self::Failed => "Failed",
        }
    }
}
