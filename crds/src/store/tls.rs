//! `spec.tls`: where the certificate comes from.
//!
//! No member of this union has a default in the schema, nor has a field of a member: what the API server
//! writes into a union stays there when the user applies another member, and two members are refused. So
//! the empty object means managed, and the operator fills in the durations.

use std::time::Duration;

use kivi_settings::{DurationString, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the certificate comes from; at most one of its fields. Empty means managed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "[has(self.managed), has(self.secretRef), has(self.disabled)].filter(named, named).size() <= 1",
     "message": "name at most one of managed, secretRef, disabled"}
]))]
pub struct Tls {
    /// The operator issues and renews the certificate with an authority of the store's own; it publishes
    /// the authority's certificate in the ConfigMap `<name>-ca`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedTls>,
    /// A Secret of type kubernetes.io/tls (`tls.crt`, `tls.key`) in the store's namespace, kept by someone
    /// else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// No TLS: requests and tokens travel in the clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
}

/// A certificate that the operator issues and renews.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "!has(self.duration) || (duration(self.duration) >= duration('1h') && duration(self.duration) <= duration('87600h'))",
     "message": "duration must be from 1h to 87600h"},
    {"rule": "!has(self.renewBefore) || (duration(self.renewBefore) >= duration('1m') && duration(self.renewBefore) < duration(has(self.duration) ? self.duration : '2160h'))",
     "message": "renewBefore must be at least 1m and shorter than duration"}
]))]
pub struct ManagedTls {
    /// How long a certificate is valid, from 1h to 87600h. Default 2160h, 90 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<DurationString>,
    /// How long before its end a certificate is renewed, from 1m to less than `duration`. Default: a third
    /// of `duration`, 720h of 2160h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<DurationString>,
}

impl ManagedTls {
    /// How long a certificate is valid.
    pub fn duration(&self) -> Duration {
        self.duration.as_ref().map_or(Duration::from_secs(2160 * 3600), DurationString::get)
    }

    /// How long before its end a certificate is renewed.
    pub fn renew_before(&self) -> Duration {
        self.renew_before.as_ref().map_or(self.duration() / 3, DurationString::get)
    }
}

/// Presence is its whole meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disabled {}
