//! What a store asks for of kinds that the cluster may not know. That one is missing keeps no store from serving.

use kivi_crds::{HttpRoute, KeyValueStoreSpec};

use crate::foreign::{self, ForeignKind};
use crate::model::Route;

/// The HTTPRoute, where one is wanted and the cluster knows HTTPRoutes.
pub(super) fn route(wanted: Option<&HttpRoute>, known: &[ForeignKind]) -> Option<Route> {
    let wanted = wanted.filter(|_| known.contains(&ForeignKind::HttpRoute))?;
    Some(Route {
        parent_refs: wanted.parent_refs.clone(),
        hostnames: wanted.hostnames.clone(),
        annotations: wanted.annotations.clone(),
        backend_tls: known.contains(&ForeignKind::BackendTlsPolicy),
    })
}

/// A sentence for each kind that the store asks for and the cluster does not know.
pub(super) fn unknown(spec: &KeyValueStoreSpec, known: &[ForeignKind]) -> Vec<String> {
    let missing = |kind: &ForeignKind| !known.contains(kind);
    foreign::wanted(spec).into_iter().filter(missing).map(sentence).collect()
}

fn sentence(kind: ForeignKind) -> String {
    let unknown = format!("the cluster does not know {} ({})", kind.gvk().kind, kind.api_version());
    match kind {
        // Such a store is not built.
        ForeignKind::Certificate => {
            format!("spec.tls.issuerRef has no effect: {unknown}; install cert-manager.")
        }
        ForeignKind::ServiceMonitor => format!(
            "spec.monitoring.serviceMonitor has no effect: {unknown}; install prometheus-operator's definitions."
        ),
        ForeignKind::HttpRoute => {
            format!("spec.httpRoute has no effect: {unknown}; install the Gateway API's definitions.")
        }
        ForeignKind::BackendTlsPolicy => format!(
            "spec.httpRoute: {unknown}, so the Gateway has to be told by other means to speak HTTPS to the store and to trust its authority."
        ),
    }
}
