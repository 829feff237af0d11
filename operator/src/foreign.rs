//! Kinds of others that a cluster may not know.

use kube::core::GroupVersionKind;

/// A kind that the operator has no type of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ForeignKind {
    group: &'static str,
    version: &'static str,
    pub(crate) name: &'static str,
}

/// What Prometheus scrapes (prometheus-operator).
pub(crate) const SERVICE_MONITOR: ForeignKind =
    ForeignKind { group: "monitoring.coreos.com", version: "v1", name: "ServiceMonitor" };

/// What cert-manager issues.
pub(crate) const CERTIFICATE: ForeignKind =
    ForeignKind { group: "cert-manager.io", version: "v1", name: "Certificate" };

impl ForeignKind {
    /// As the client names it.
    pub(crate) fn kind(self) -> GroupVersionKind {
        GroupVersionKind::gvk(self.group, self.version, self.name)
    }
}
