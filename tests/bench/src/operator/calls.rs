//! What the operator asks of the API server, counted by the API server itself.
//!
//! FlowSchemas (flowcontrol.apiserver.k8s.io) tell the operator's user's requests apart by what they are, and the API
//! server counts what it dispatches of each. They name the level that a ServiceAccount has without them, so nothing
//! else changes. A watch counts once, when it begins.

use serde_json::{Value, json};

use super::api::Server;
use crate::error::BenchError;

/// What is asked of a Lease, by which a leader says that it lives.
const LEASES: &str = "kivi-bench-leases";
const WRITES: &str = "kivi-bench-writes";
const READS: &str = "kivi-bench-reads";

/// Who the operator is.
const ACCOUNT: (&str, &str) = ("kivi-system", "kivi-operator");

/// Requests since the API server's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Calls {
    pub(super) leases: u64,
    /// All that are no reads.
    pub(super) writes: u64,
    pub(super) reads: u64,
}

impl Calls {
    /// Since an earlier look.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            leases: self.leases.saturating_sub(earlier.leases),
            writes: self.writes.saturating_sub(earlier.writes),
            reads: self.reads.saturating_sub(earlier.reads),
        }
    }
}

/// The objects that have requests counted.
pub(super) fn schemas() -> [Value; 3] {
    let writes = ["create", "update", "patch", "delete", "deletecollection"];
    [
        schema(LEASES, 50, "coordination.k8s.io", &["*"]),
        schema(WRITES, 51, "*", &writes),
        schema(READS, 52, "*", &["*"]),
    ]
}

fn schema(name: &str, precedence: u32, group: &str, verbs: &[&str]) -> Value {
    let (namespace, account) = ACCOUNT;
    json!({
        "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
        "kind": "FlowSchema",
        "metadata": {"name": name},
        "spec": {
            "matchingPrecedence": precedence,
            "priorityLevelConfiguration": {"name": "workload-low"},
            "distinguisherMethod": {"type": "ByUser"},
            "rules": [{
                "subjects": [{"kind": "ServiceAccount", "serviceAccount": {"namespace": namespace, "name": account}}],
                "resourceRules": [{
                    "apiGroups": [group], "resources": ["*"], "namespaces": ["*"], "clusterScope": true, "verbs": verbs,
                }],
            }],
        },
    })
}

/// Counts so far.
pub(super) async fn count(server: &Server) -> Result<Calls, BenchError> {
    let metrics = server.metrics().await?;
    Ok(Calls {
        leases: dispatched(&metrics, LEASES),
        writes: dispatched(&metrics, WRITES),
        reads: dispatched(&metrics, READS),
    })
}

fn dispatched(metrics: &str, schema: &str) -> u64 {
    let of_schema = format!("flow_schema=\"{schema}\"");
    metrics
        .lines()
        .filter(|line| line.starts_with("apiserver_flowcontrol_dispatched_requests_total{"))
        .filter(|line| line.contains(&of_schema))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_schema_dispatched_is_counted() {
        let metrics = "\
# TYPE apiserver_flowcontrol_dispatched_requests_total counter
apiserver_flowcontrol_dispatched_requests_total{flow_schema=\"kivi-bench-writes\",priority_level=\"workload-low\"} 12
apiserver_flowcontrol_dispatched_requests_total{flow_schema=\"service-accounts\",priority_level=\"workload-low\"} 99
apiserver_flowcontrol_rejected_requests_total{flow_schema=\"kivi-bench-writes\",priority_level=\"workload-low\"} 5
";
        assert_eq!((dispatched(metrics, WRITES), dispatched(metrics, READS)), (12, 0));
    }
}
