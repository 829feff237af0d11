//! The environment of both containers: who they are, and the standard OpenTelemetry variables.

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector};
use kivi_crds::settings::OtlpProtocol;

use crate::model::Store;

/// The variables of the container whose spans belong to `service`.
pub(super) fn variables(store: &Store, service: &str) -> Vec<EnvVar> {
    let tracing = &store.settings.sidecar.tracing;
    let mut variables = vec![
        field("POD_NAME", "metadata.name"),
        field("POD_NAMESPACE", "metadata.namespace"),
        value("OTEL_SERVICE_NAME", service),
        // `$(...)` is expanded by the kubelet, out of the variables above.
        value(
            "OTEL_RESOURCE_ATTRIBUTES",
            &format!(
                "service.namespace=kivi,service.version={},service.instance.id=$(POD_NAMESPACE).$(POD_NAME).{service},\
                 k8s.namespace.name=$(POD_NAMESPACE),k8s.pod.name=$(POD_NAME),k8s.statefulset.name={}",
                store.release.version,
                store.names.store(),
            ),
        ),
    ];
    if let Some(endpoint) = &tracing.endpoint {
        variables.extend([
            value("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            value(
                "OTEL_EXPORTER_OTLP_PROTOCOL",
                match tracing.protocol {
                    OtlpProtocol::Grpc => "grpc",
                    OtlpProtocol::HttpProtobuf => "http/protobuf",
                },
            ),
            value("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            value("OTEL_TRACES_SAMPLER_ARG", &tracing.sample_ratio.to_string()),
        ]);
    }
    variables
}

fn value(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), ..EnvVar::default() }
}

fn field(name: &str, path: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                // The API server writes this default into an object; left out, each apply would differ.
                api_version: Some("v1".to_owned()),
                field_path: path.to_owned(),
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}
