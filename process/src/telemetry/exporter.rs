//! Sends spans to an OTLP receiver, as the standard variables of OpenTelemetry say.
//!
//! The SDK reads by itself: `OTEL_EXPORTER_OTLP_*` with their `_TRACES_` forms, `OTEL_SERVICE_NAME`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` with `_ARG`, `OTEL_BSP_*`. It does not read
//! `OTEL_SDK_DISABLED`, which is read here, nor `OTEL_EXPORTER_OTLP_CERTIFICATE`, which [`Roots`] reads.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData};
use thiserror::Error;
use tokio::runtime::Handle;

use super::http_sender::HttpSender;
use super::roots::{Roots, RootsError};

/// Longest time that the last spans may take.
pub(super) const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(3);

/// Why spans cannot be sent.
#[derive(Debug, Error)]
pub enum ExporterError {
    /// The endpoint is not a URL.
    #[error("{variable}: `{value}` is not a URL: write one as in `http://collector:4317`")]
    Endpoint {
        /// Which variable.
        variable: &'static str,
        /// What it holds.
        value: String,
    },
    /// The protocol is not one that is spoken here.
    #[error("{variable}: `{value}` is not a protocol: write `grpc` or `http/protobuf`")]
    Protocol {
        /// Which variable.
        variable: &'static str,
        /// What it holds.
        value: String,
    },
    /// The certificates that are to vouch for the receiver cannot be used.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The exporter refused its configuration.
    #[error("cannot send traces with the OTEL_EXPORTER_OTLP_* variables as they are: {0}")]
    Build(#[from] ExporterBuildError),
    /// The TLS library refused its configuration.
    #[error("cannot send traces over TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// A provider of spans that are sent, or none where the environment names no receiver.
pub(super) fn provider_from_env(service: &'static str) -> Result<Option<SdkTracerProvider>, ExporterError> {
    let read = |name: &str| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let Some(protocol) = Receiver::from_variables(read)? else {
        return Ok(None);
    };
    let roots = Roots::from_variables(read)?;
    let exporter = match protocol {
        Protocol::Grpc => SpanExporter::builder().with_tonic().with_tls_config(roots.for_grpc()).build()?,
        Protocol::HttpProtobuf => {
            SpanExporter::builder().with_http().with_http_client(HttpSender::new(&roots)?).build()?
        }
    };
    let mut resource = Resource::builder();
    if read("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(service);
    }
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(OnRuntime { exporter: Arc::new(exporter), runtime: Handle::current() })
        .with_resource(resource.build())
        .build();
    Ok(Some(provider))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Grpc,
    HttpProtobuf,
}

/// What the variables say of the receiver.
struct Receiver;

impl Receiver {
    /// Checks what the SDK would read later, so that a typo is refused before a port is bound.
    fn from_variables(read: impl Fn(&str) -> Option<String>) -> Result<Option<Protocol>, ExporterError> {
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, read(name)?)));
        let disabled = read("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let endpoint = first(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"]);
        let Some((variable, value)) = endpoint.filter(|_| !disabled) else {
            return Ok(None);
        };
        if !(value.starts_with("http://") || value.starts_with("https://")) {
            return Err(ExporterError::Endpoint { variable, value });
        }
        match first(["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]) {
            None => Ok(Some(Protocol::Grpc)),
            Some((_, value)) if value == "grpc" => Ok(Some(Protocol::Grpc)),
            Some((_, value)) if value == "http/protobuf" => Ok(Some(Protocol::HttpProtobuf)),
            Some((variable, value)) => Err(ExporterError::Protocol { variable, value }),
        }
    }
}

/// Exports on the process's runtime: the batch processor calls from a thread of its own, where timers
/// and sockets have no reactor.
#[derive(Debug)]
struct OnRuntime {
    exporter: Arc<SpanExporter>,
    runtime: Handle,
}

impl opentelemetry_sdk::trace::SpanExporter for OnRuntime {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exporter = Arc::clone(&self.exporter);
        let export = async move { exporter.export(batch).await };
        self.runtime
            .spawn(export)
            .await
            .unwrap_or_else(|error| Err(OTelSdkError::InternalFailure(error.to_string())))
    }

    fn set_resource(&mut self, resource: &Resource) {
        // The provider sets it once, before anything is exported, so nobody else holds the exporter.
        if let Some(exporter) = Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Protocol>, ExporterError> {
        Receiver::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn traces_are_off_without_an_endpoint_or_when_disabled() {
        assert_eq!(read(&[]).unwrap(), None);
        let disabled = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317"), ("OTEL_SDK_DISABLED", "true")];
        assert_eq!(read(&disabled).unwrap(), None);
    }

    #[test]
    fn the_protocol_is_read_and_the_traces_form_wins() {
        let endpoint = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4317");
        assert_eq!(read(&[endpoint]).unwrap(), Some(Protocol::Grpc));
        let both = [
            endpoint,
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
        ];
        assert_eq!(read(&both).unwrap(), Some(Protocol::HttpProtobuf));
    }

    #[test]
    fn a_typo_names_its_variable() {
        let error = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")]).unwrap_err().to_string();
        assert!(error.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: `collector:4317` is not a URL"), "{error}");
        let bad = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")];
        assert!(read(&bad).unwrap_err().to_string().starts_with("OTEL_EXPORTER_OTLP_PROTOCOL: `http/json`"));
    }
}
