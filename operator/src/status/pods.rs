//! How many servers there are and serve. Pure.

use k8s_openapi::api::core::v1::Pod;
use kivi_crds::{ConditionType, labels};
use kube::ResourceExt as _;

use super::conditions::Conditions;
use super::seen::Seen;
use super::trouble::{self, Trouble};

/// How many servers there are and serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pods {
    /// As many as there should be.
    pub(super) wanted: i32,
    /// As many as there are.
    pub(super) existing: i32,
    /// As many as serve.
    pub(super) ready: i32,
    /// Whether the StatefulSet's controller has seen the spec, and every pod has its template.
    settled: bool,
}

impl Pods {
    pub(super) fn of(seen: &Seen, wanted: i32) -> Self {
        let Some((set, status)) =
            seen.stateful_set.as_ref().and_then(|set| Some((set, set.status.as_ref()?)))
        else {
            return Self { wanted, existing: 0, ready: 0, settled: false };
        };
        let current =
            status.observed_generation.unwrap_or_default() >= set.metadata.generation.unwrap_or_default();
        // The StatefulSet counts a pod that is leaving; no client is sent to it any more.
        let serving = seen.pods.iter().filter(|pod| serves(pod)).count();
        Self {
            wanted,
            existing: status.replicas,
            ready: status.ready_replicas.unwrap_or_default().min(i32::try_from(serving).unwrap_or(i32::MAX)),
            settled: current
                && status.replicas == wanted
                && status.updated_replicas.unwrap_or_default() == wanted,
        }
    }

    /// The version of the servers that serve, where they agree.
    pub(super) fn version(seen: &Seen) -> Option<String> {
        let mut versions =
            seen.pods.iter().filter(|pod| serves(pod)).map(|pod| pod.labels().get(labels::VERSION));
        let first = versions.next().flatten()?;
        versions.all(|version| version == Some(first)).then(|| first.clone())
    }

    /// Whether every server serves, and as the spec says.
    pub(super) fn serve(&self) -> bool {
        self.settled && self.ready >= self.wanted
    }

    /// The conditions of a store whose children were applied. It is ready once it serves as its spec
    /// says: a server that still runs the last template does not, or whoever applies a spec and then waits
    /// would meet the old one.
    pub(super) fn conditions(&self, stopped: bool, seen: &Seen, conditions: Conditions) -> Conditions {
        use ConditionType::{Progressing, Ready};
        let Self { wanted, ready, .. } = *self;
        let count = format!("{ready} of {wanted} servers ready.");
        let trouble = trouble::find(seen).filter(|_| !stopped && !self.serve());
        let (reason, why) = match &trouble {
            Some(trouble) => (trouble.reason, format!("{count} {}", trouble.message)),
            None if ready >= wanted => ("RollingOut", format!("{count} A new template is being rolled out.")),
            None => ("ServersNotReady", count.clone()),
        };
        let conditions = if stopped {
            conditions.set(Ready, false, "Stopped", "spec.stopped is true: the volumes are kept.")
        } else if self.serve() {
            conditions.set(Ready, true, "Serving", &count)
        } else {
            conditions.set(Ready, false, reason, &why)
        };
        let conditions = if self.serve() {
            conditions.set(Progressing, false, "Settled", "The cluster is as the spec says.")
        } else if stopped {
            conditions.set(Progressing, true, "Stopping", "The servers are being stopped.")
        } else {
            conditions.set(Progressing, true, reason, format!("Waiting for pods: {why}"))
        };
        degraded(trouble, conditions)
    }

    /// The conditions of a store whose children are left alone: what runs, whatever the spec says.
    pub(super) fn left_alone(&self, seen: &Seen, conditions: Conditions) -> Conditions {
        use ConditionType::{Progressing, Ready};
        let count = format!("{} of {} servers ready.", self.ready, self.wanted);
        let trouble = trouble::find(seen).filter(|_| !self.serve());
        let conditions = if seen.stateful_set.is_none() {
            conditions.set(Ready, false, "Paused", "The store was paused before anything was made for it.")
        } else if self.wanted == 0 {
            conditions.set(Ready, false, "Stopped", "The store was stopped before it was paused.")
        } else if self.serve() {
            conditions.set(Ready, true, "Serving", count)
        } else {
            let reason = trouble.as_ref().map_or("ServersNotReady", |trouble| trouble.reason);
            let why = trouble.as_ref().map(|trouble| format!(" {}", trouble.message)).unwrap_or_default();
            conditions.set(Ready, false, reason, format!("{count}{why}"))
        };
        let conditions = conditions.set(Progressing, false, "Paused", "The operator changes nothing.");
        degraded(trouble, conditions)
    }
}

fn degraded(trouble: Option<Trouble>, conditions: Conditions) -> Conditions {
    match trouble.filter(|trouble| trouble.needs_human) {
        Some(trouble) => conditions.set(ConditionType::Degraded, true, trouble.reason, trouble.message),
        None => conditions.set(ConditionType::Degraded, false, "AsExpected", "Nothing needs a human."),
    }
}

fn serves(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    pod.metadata.deletion_timestamp.is_none()
        && conditions.into_iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}
