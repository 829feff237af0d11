//! What the page of the operator's results says of how they came about.

use super::{bars::OPERATOR, page::Page};

/// The page of `make bench-operator`.
pub(crate) const OPERATOR_PAGE: Page = Page {
    name: "operator",
    title: "The operator, with few stores and with many",
    command: "make bench-operator",
    how: "\
- The cluster is the local one: real components on this machine, whose work is in the times. The operator is the static
  program that ships, a process beside the cluster with the flags of the chart and the rights of its ServiceAccount.
- `ready`: from the request that applies a store of `spec: {}` to the watch that shows it Ready, on the real node, with
  the images there. `statefulset` is the same without an operator: what the operator had made of such a store (ServiceAccount,
  Secrets, ConfigMaps, Services, StatefulSet) is applied by the same client, and the time is that until the StatefulSet
  says that its pod is ready. The two take turns; between turns, the last one's pod goes.
- `stores-1000`: the pods are simulated by KWOK, which makes a pod Ready at once; volumes that wait for the stores' claims are
  there already; scheduler and controllers are the real ones. The foreign Secrets and pods are in namespaces of their own,
  with the labels and annotations that Helm gives, about 3 KB each.
- `all_ready_s`: from the first of the stores, which are applied 16 at a time, until all are Ready. `api_calls_per_store` counts all
  requests of the operator in that time, `api_writes_per_store` those that are no reads (events included), as the API server
  counts them: FlowSchemas tell the operator's requests apart.
- `writes_at_rest`: so counted in a minute, 15 seconds after the last request. What is asked of the Lease by
  which one operator of several leads is counted apart: `lease_calls_at_rest`; `reads_at_rest` are watches that are taken up again.
- `reaction_p99_s`: at rest, one store after the other gets another annotation for its Service; the time from the request that edits
  the store to the watch that shows the Service's change.
- `rss_mb`: the highest resident memory of the operator (`VmHWM`), of all the above and of another start in that cluster, whichever
  is more; `rss_rest_mb` at rest, `rss_restart_mb` of that other start, after which every child is applied once more:
  `restart_calls_per_store`.
",
    bars: &OPERATOR,
    curves: &[],
};
