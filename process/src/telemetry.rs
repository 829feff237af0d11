//! Logs and traces of a process, from its first line to its last span.
//!
//! Logs go to standard error: JSON in a cluster, text on a terminal. Traces go to an OTLP receiver when
//! the standard variables name one (`OTEL_EXPORTER_OTLP_ENDPOINT` or its `_TRACES_` form); see
//! [`exporter`] for what is read. Without an endpoint nothing is sampled and nothing is sent.

mod exporter;
mod format;
mod http_sender;
mod levels;
mod roots;

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use thiserror::Error;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

pub use exporter::ExporterError;
pub use format::LogFormat;
pub use levels::{LogLevelError, LogLevels};
pub use roots::RootsError;

/// What a process says of itself.
#[derive(Debug, Clone)]
pub struct TelemetryOptions {
    /// `service.name` of its spans, unless `OTEL_SERVICE_NAME` says otherwise.
    pub service: &'static str,
    /// How its log lines look.
    pub format: LogFormat,
    /// Which log lines it writes: `info`, or directives such as `info,kivi_store=debug`.
    pub level: String,
}

/// Why telemetry cannot start.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The level is not one.
    #[error("--log-level: {0}")]
    Level(#[from] LogLevelError),
    /// The trace exporter cannot be built.
    #[error(transparent)]
    Exporter(#[from] ExporterError),
    /// Telemetry was started before.
    #[error("telemetry was started twice in one process: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// The running telemetry of a process.
pub struct Telemetry {
    levels: LogLevels,
    provider: Option<SdkTracerProvider>,
}

/// Starts logs, and traces where the environment names a receiver. Call it inside the runtime that will
/// export the spans.
///
/// # Errors
/// Names the flag or the variable that cannot be used.
pub fn init(options: &TelemetryOptions) -> Result<Telemetry, TelemetryError> {
    let (filter, handle) = reload::Layer::new(levels::parse(&options.level)?);
    let provider = exporter::provider_from_env(options.service)?;
    let spans = provider.as_ref().map(|provider| {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        opentelemetry::global::set_tracer_provider(provider.clone());
        // Spans are exported whatever the log level is; only Kivi's own request spans are made.
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("kivi"))
            .with_filter(Targets::new().with_target("kivi_layers", LevelFilter::INFO))
    });
    let logs: Box<dyn Layer<Registry> + Send + Sync> = options.format.layer();
    tracing_subscriber::registry().with(logs.with_filter(filter)).with(spans).try_init()?;
    Ok(Telemetry { levels: LogLevels::new(handle), provider })
}

impl Telemetry {
    /// Changes which log lines are written.
    pub fn levels(&self) -> LogLevels {
        self.levels.clone()
    }

    /// Whether spans are exported.
    pub fn is_traced(&self) -> bool {
        self.provider.is_some()
    }

    /// Sends the spans that wait, and ends. Call it outside the runtime's threads, while the runtime
    /// still runs: the exporter needs it.
    pub fn shutdown(self) {
        let Some(provider) = self.provider else {
            return;
        };
        if let Err(error) = provider.shutdown_with_timeout(exporter::SHUTDOWN_DEADLINE) {
            tracing::warn!(%error, "Some spans could not be sent.");
        }
    }
}
