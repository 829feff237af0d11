//! KWOK: gives nodes and pods the status that a kubelet would give them, and runs nothing.

use super::Daemon;
use crate::{Layout, network::SIMULATED_POD_RANGE, tools::Binaries};

/// The annotation of a node that is simulated; the real one is left alone.
pub(crate) const ANNOTATION: (&str, &str) = ("kwok.x-k8s.io/node", "fake");
/// How long a node counts as alive without a sign, in seconds: as a kubelet's.
const LEASE_SECONDS: u32 = 40;

pub(super) fn daemon(layout: &Layout, binaries: &Binaries) -> Daemon {
    let config = layout.config("kwok.yaml");
    let (key, value) = ANNOTATION;
    Daemon {
        program: binaries.kwok(),
        arguments: vec![
            format!("--config={}", config.display()),
            format!("--kubeconfig={}", layout.kubeconfig().display()),
            "--manage-all-nodes=false".to_owned(),
            format!("--manage-nodes-with-annotation-selector={key}={value}"),
            format!("--node-lease-duration-seconds={LEASE_SECONDS}"),
            format!("--cidr={SIMULATED_POD_RANGE}"),
        ],
        // A person's own ~/.kwok/kwok.yaml would be read otherwise. Its built-in stages make a pod Ready at
        // once, native sidecars too.
        files: vec![(
            config,
            "apiVersion: config.kwok.x-k8s.io/v1alpha1\nkind: KwokConfiguration\n".to_owned(),
        )],
    }
}
