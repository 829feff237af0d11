//! The parts of a `KeyValueStore` spec that Kivi's processes read as their configuration.
//!
//! One schema serves three readers: the API server (as part of the CRD), the operator (which writes the
//! sections into a ConfigMap) and a person who runs a binary by hand (who writes them into a file). The
//! file is [`Settings`]; its sections are named and bounded exactly as under `spec`.
//!
//! Inputs: none but text. It must not name Kubernetes, HTTP or any IO, so that a server's dependency
//! tree stays a server's.

mod auth;
mod duration;
mod error;
mod limits;
mod log;
mod quantity;
mod ratio;
mod settings;
mod sidecar;

pub use auth::{Anonymous, AuthSettings, SecretRef};
pub use duration::{DurationString, of_durations};
pub use error::SettingsError;
pub use limits::LimitsSettings;
pub use log::{AutoGrow, FileLogSettings, GrowthStep, LogSettings, SyncPolicy};
pub use quantity::Quantity;
pub use ratio::Ratio;
pub use settings::Settings;
pub use sidecar::{
    Amount, CacheSettings, OnExcess, OtlpProtocol, Resources, SidecarSettings, SplitBy, ThrottleBy,
    ThrottleSettings, TimeoutSettings, TracingSettings,
};
