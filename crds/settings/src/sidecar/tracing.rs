//! `spec.sidecar.tracing`: where traces go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Ratio;

/// Where traces go. The operator hands these to both processes as the standard `OTEL_*` variables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TracingSettings {
    /// URL of an OTLP receiver, at most 2048 characters, as in `http://collector:4317`. Unset: no traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = "^https?://[^\\s]+$"))]
    pub endpoint: Option<String>,
    /// How spans travel. Default Grpc.
    pub protocol: OtlpProtocol,
    /// Share of traces that start here and are kept, from "0" to "1"; a caller's own decision is
    /// followed. Default "1".
    pub sample_ratio: Ratio,
}

impl Default for TracingSettings {
    fn default() -> Self {
        Self { endpoint: None, protocol: OtlpProtocol::Grpc, sample_ratio: Ratio::one() }
    }
}

/// How spans travel (OTLP 1.x).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OtlpProtocol {
    /// gRPC, by custom on port 4317.
    #[default]
    Grpc,
    /// HTTP with protobuf bodies, by custom on port 4318.
    HttpProtobuf,
}
