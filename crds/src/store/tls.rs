//! `spec.tls`: where the certificate comes from.
//!
//! No member of this union has a default in the schema, nor has a field of a member: what the API server
//! writes into a union stays there when the user applies another member, and two members are refused. So
//! the empty object means managed, and the operator fills in the durations.

use std::time::Duration;

use kivi_settings::{DurationString, SecretRef, of_durations};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Where the certificate comes from; at most one of its fields. Empty means managed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "[has(self.managed), has(self.secretRef), has(self.issuerRef), has(self.disabled)].filter(named, named).size() <= 1",
     "message": "name at most one of managed, secretRef, issuerRef, disabled"}
]))]
pub struct Tls {
    /// The operator issues and renews the certificate with an authority of the store's own; it publishes
    /// the authority's certificate in the ConfigMap `<name>-ca`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedTls>,
    /// A Secret of type kubernetes.io/tls (`tls.crt`, `tls.key`) in the store's namespace, kept by someone
    /// else. Its `ca.crt`, if it has one, is published in the ConfigMap `<name>-ca`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// An issuer of cert-manager: the operator asks it for the certificate by a Certificate named like the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer_ref: Option<IssuerRef>,
    /// No TLS: requests and tokens travel in the clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
}

/// A certificate that the operator issues and renews.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": of_durations(&["self.duration"], "!has(self.duration) || (duration(self.duration) >= duration('1h') && duration(self.duration) <= duration('87600h'))"),
     "message": "duration must be from 1h to 87600h"},
    {"rule": of_durations(&["self.renewBefore", "self.duration"], "!has(self.renewBefore) || (duration(self.renewBefore) >= duration('1m') && duration(self.renewBefore) < duration(has(self.duration) ? self.duration : '2160h'))"),
     "message": "renewBefore must be at least 1m and shorter than duration"},
    {"rule": of_durations(&["self.authorityOverlap"], "!has(self.authorityOverlap) || (duration(self.authorityOverlap) >= duration('10s') && duration(self.authorityOverlap) <= duration('720h'))"),
     "message": "authorityOverlap must be from 10s to 720h"},
    {"rule": of_durations(&["self.authorityDuration", "self.duration", "self.authorityOverlap"], "!has(self.authorityDuration) || (duration(self.authorityDuration) <= duration('87600h') && duration(self.authorityDuration) >= duration(has(self.duration) ? self.duration : '2160h') + duration(has(self.duration) ? self.duration : '2160h') + duration(has(self.authorityOverlap) ? self.authorityOverlap : '24h') + duration(has(self.authorityOverlap) ? self.authorityOverlap : '24h'))"),
     "message": "authorityDuration must be from twice duration and authorityOverlap together to 87600h"}
]))]
pub struct ManagedTls {
    /// How long a certificate is valid, from 1h to 87600h. Default 2160h, 90 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<DurationString>,
    /// How long before its end a certificate is renewed, from 1m to less than `duration`. Default: a third
    /// of `duration`, 720h of 2160h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<DurationString>,
    /// How long the store's authority is valid, from twice `duration` and `authorityOverlap` together to 87600h. A new one
    /// is made at two thirds of it. Default 43800h, 5 years, or three times both together where that is longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_duration: Option<DurationString>,
    /// How long a new authority is in the published bundle before it issues, from 10s to 720h: clients load the bundle
    /// again within this time. Default 24h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority_overlap: Option<DurationString>,
    /// More DNS names that the certificate carries, as of a load balancer; the first label may be `*`. At most 32, each
    /// of at most 253 characters. Default none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "dns_names")]
    pub dns_names: Vec<String>,
}

impl ManagedTls {
    /// How long a certificate is valid.
    pub fn duration(&self) -> Duration {
        self.duration.as_ref().map_or(DURATION, DurationString::get)
    }

    /// How long before its end a certificate is renewed.
    pub fn renew_before(&self) -> Duration {
        self.renew_before.as_ref().map_or(self.duration() / 3, DurationString::get)
    }

    /// How long an authority is valid.
    pub fn authority_duration(&self) -> Duration {
        let least = 3 * (self.duration() + self.authority_overlap());
        self.authority_duration.as_ref().map_or(least.max(AUTHORITY_DURATION), DurationString::get)
    }

    /// How long a new authority is published before it issues.
    pub fn authority_overlap(&self) -> Duration {
        self.authority_overlap.as_ref().map_or(AUTHORITY_OVERLAP, DurationString::get)
    }
}

/// 90 days.
const DURATION: Duration = Duration::from_secs(2160 * 3600);
/// 5 years.
const AUTHORITY_DURATION: Duration = Duration::from_secs(43_800 * 3600);
/// A day: who reads the bundle out of a mounted ConfigMap has it in minutes, who fetches it by a nightly job tomorrow.
const AUTHORITY_OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// What a DNS name of a certificate looks like (RFC 1123, RFC 6125): a wildcard needs two labels behind it, or verifiers
/// refuse it.
const DNS_NAME: &str = r"^(\*\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$";

/// Most names that a user adds.
pub const MAX_DNS_NAMES: usize = 32;

fn dns_names(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": MAX_DNS_NAMES,
        "items": {"type": "string", "maxLength": 253, "pattern": DNS_NAME},
        "x-kubernetes-list-type": "set",
    })
}

/// An issuer of cert-manager, and what is asked of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": of_durations(&["self.duration"], "!has(self.duration) || (duration(self.duration) >= duration('1h') && duration(self.duration) <= duration('87600h'))"),
     "message": "issuerRef.duration must be from 1h to 87600h"},
    {"rule": of_durations(&["self.renewBefore", "self.duration"], "!has(self.renewBefore) || (duration(self.renewBefore) >= duration('5m') && duration(self.renewBefore) < duration(has(self.duration) ? self.duration : '2160h'))"),
     "message": "issuerRef.renewBefore must be at least 5m and shorter than duration"}
]))]
pub struct IssuerRef {
    /// Name of the issuer, of at most 253 characters.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Issuer, of the store's namespace, or ClusterIssuer, or a kind of another group; at most 63 characters. Default
    /// Issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub kind: Option<String>,
    /// API group of the issuer, of at most 253 characters. Default cert-manager.io.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub group: Option<String>,
    /// How long a certificate is valid, from 1h to 87600h; an issuer may have its own way. Default 2160h, 90 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<DurationString>,
    /// How long before its end a certificate is renewed, from 5m to less than `duration`. Default: a third of `duration`,
    /// 720h of 2160h.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<DurationString>,
    /// More DNS names that the certificate carries, as of a load balancer; the first label may be `*`. At most 32, each
    /// of at most 253 characters. Default none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "dns_names")]
    pub dns_names: Vec<String>,
}

impl IssuerRef {
    /// How long a certificate is valid.
    pub fn duration(&self) -> Duration {
        self.duration.as_ref().map_or(DURATION, DurationString::get)
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
