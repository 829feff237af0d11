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
    /// The operator leaves the store alone, as the spec asks.
    ReconciliationPaused,
    /// The store serves, but something in its spec has no effect, or may do harm later.
    ConfigurationWarning,
}

impl ConditionType {
    /// Every type, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Ready,
        Self::Progressing,
        Self::Degraded,
        Self::CertificateReady,
        Self::StorageReady,
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
            Self::ReconciliationPaused => "ReconciliationPaused",
            Self::ConfigurationWarning => "ConfigurationWarning",
        }
    }
}
