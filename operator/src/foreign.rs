//! Kinds of other projects: their definitions may be in the cluster or not, so no type of ours knows them, and
//! no watch waits for them. Pure.

use kivi_crds::KeyValueStoreSpec;
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

/// A kind that a cluster may not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignKind {
    /// Of cert-manager.
    Certificate,
    /// Of prometheus-operator.
    ServiceMonitor,
    /// Of the Gateway API.
    HttpRoute,
    /// Of the Gateway API.
    BackendTlsPolicy,
}

/// A child of such a kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Foreign {
    /// Its kind.
    pub kind: ForeignKind,
    /// Its name.
    pub name: String,
    /// The whole object.
    pub object: Value,
}

impl ForeignKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::Certificate, Self::ServiceMonitor, Self::HttpRoute, Self::BackendTlsPolicy];

    /// Group, version and kind.
    pub fn gvk(self) -> GroupVersionKind {
        match self {
            Self::Certificate => GroupVersionKind::gvk("cert-manager.io", "v1", "Certificate"),
            Self::ServiceMonitor => GroupVersionKind::gvk("monitoring.coreos.com", "v1", "ServiceMonitor"),
            Self::HttpRoute => GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "HTTPRoute"),
            Self::BackendTlsPolicy => {
                GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", "BackendTLSPolicy")
            }
        }
    }

    /// The `apiVersion` of its objects.
    pub fn api_version(self) -> String {
        self.gvk().api_version()
    }

    /// How its objects are reached.
    pub fn resource(self) -> ApiResource {
        ApiResource::from_gvk(&self.gvk())
    }
}

/// The kinds that a store asks for.
pub fn wanted(spec: &KeyValueStoreSpec) -> Vec<ForeignKind> {
    let mut kinds = Vec::new();
    if spec.tls.issuer_ref.is_some() {
        kinds.push(ForeignKind::Certificate);
    }
    if spec.monitoring.service_monitor {
        kinds.push(ForeignKind::ServiceMonitor);
    }
    if spec.http_route.is_some() {
        kinds.push(ForeignKind::HttpRoute);
        // It names the operator's own authority; how to trust another's is for the user to say.
        if spec.tls.secret_ref.is_none() && spec.tls.disabled.is_none() {
            kinds.push(ForeignKind::BackendTlsPolicy);
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_named_as_their_definitions_name_them() {
        let names: Vec<String> = ForeignKind::ALL.into_iter().map(|kind| kind.resource().plural).collect();
        assert_eq!(names, ["certificates", "servicemonitors", "httproutes", "backendtlspolicies"]);
    }
}
