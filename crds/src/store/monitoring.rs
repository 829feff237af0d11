//! `spec.monitoring`: what is made for Prometheus.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is made for Prometheus.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Monitoring {
    /// Whether a ServiceMonitor is made, in clusters that know ServiceMonitors. Default false.
    pub service_monitor: bool,
    /// Labels of the ServiceMonitor, at most 64, by which a Prometheus selects it. Default none.
    #[schemars(schema_with = "crate::opaque::labels")]
    pub labels: BTreeMap<String, String>,
}
