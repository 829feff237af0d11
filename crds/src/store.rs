//! `KeyValueStore`, kivi.dev/v1alpha1: what a user asks for.
//!
//! Each doc comment is a description of the CRD (`kubectl explain`): a sentence, the unit, the bounds, the
//! default. Rules that span fields are CEL, beside the type that they hold for.

mod backup;
mod bootstrap;
mod http_route;
mod ingress;
mod monitoring;
mod network_policy;
mod pod;
mod retention;
mod service;
mod status;
mod tls;

use kivi_settings::{AuthSettings, LimitsSettings, LogSettings, SidecarSettings};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use backup::{Backup, BackupRetention, PointInTime};
pub use bootstrap::{AtRevision, Bootstrap, FromBackup};
pub use http_route::HttpRoute;
pub use ingress::Ingress;
pub use monitoring::Monitoring;
pub use network_policy::NetworkPolicy;
pub use pod::{Pod, ServiceAccount};
pub use retention::{Retention, RetentionPolicy};
pub use service::{ExternalTrafficPolicy, Service, ServiceType};
pub use status::{
    CertificateStatus, KeyValueStoreStatus, LastBackup, LogGap, StoreBackupStatus, VolumePhase, VolumeResize,
    VolumeStatus,
};
pub use tls::{Disabled, IssuerRef, MAX_DNS_NAMES, ManagedTls, Tls};

/// What the store should be. Every field has a default: the smallest store is `spec: {}`.
#[derive(Debug, Clone, PartialEq, Eq, CustomResource, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kivi.dev",
    version = "v1alpha1",
    kind = "KeyValueStore",
    plural = "keyvaluestores",
    shortname = "kvs",
    category = "kivi",
    namespaced,
    status = "KeyValueStoreStatus",
    derive = "PartialEq",
    doc = "A key-value store: servers over one durable log, each behind a sidecar with TLS, throttling and a stampede-safe cache.",
    validation = Rule::new("self.metadata.name.size() <= 40")
        .message("metadata.name must have at most 40 characters, so that the names of the store's pods and volumes fit"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must begin with a letter and hold only lower-case letters, digits and '-': it becomes a Service's name"),
    validation = Rule::new("!self.metadata.name.endsWith('-pods') && !self.metadata.name.endsWith('-ca')")
        .message("metadata.name must not end with -pods or -ca: another store has a Service, and a ConfigMap, of such a name"),
    // Here, and not beside the size, because only here a rule sees the status.
    validation = Rule::new("!has(self.spec.log.file) || !has(oldSelf.spec.log.file) \
         || quantity(string(self.spec.log.file.size)).compareTo(quantity(string(oldSelf.spec.log.file.size))) >= 0 \
         || !has(self.status) || !has(self.status.volumes) || self.status.volumes.all(volume, !has(volume.actual) \
         || quantity(string(self.spec.log.file.size)).compareTo(quantity(volume.actual)) >= 0)")
        .message("spec.log.file.size cannot shrink below what a volume has; see status.volumes"),
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(
        name = "READY",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status",
        description = "Whether the store serves."
    ),
    printcolumn(
        name = "REPLICAS",
        type_ = "integer",
        json_path = ".status.readyReplicas",
        description = "Servers that are ready."
    ),
    printcolumn(
        name = "LOG",
        type_ = "string",
        json_path = ".status.log",
        description = "The kind of log."
    ),
    printcolumn(
        name = "ENDPOINT",
        type_ = "string",
        json_path = ".status.endpoint",
        description = "The store's URL inside the cluster."
    ),
    printcolumn(
        name = "VERSION",
        type_ = "string",
        json_path = ".status.version",
        description = "The version of the servers.",
        priority = 1
    ),
    printcolumn(
        name = "MESSAGE",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        description = "Why the store is ready, or is not.",
        priority = 1
    ),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.replicas <= 1",
     "message": "replicas > 1 needs a shared log: a file log serves one server"},
    {"rule": "has(self.bootstrap) == has(oldSelf.bootstrap) && (!has(self.bootstrap) || self.bootstrap == oldSelf.bootstrap)",
     "message": "bootstrap cannot change: a store begins once"}
]))]
pub struct KeyValueStoreSpec {
    /// Version of the server and its sidecar, out of the operator's catalog, as in `0.1.0`; at most 64
    /// characters. Default: the release that this resource definition came with.
    #[schemars(length(min = 5, max = 64), regex(pattern = r"^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$"))]
    pub version: String,
    /// Number of servers, from 1 to 64; more than 1 needs a shared log. Default 1.
    #[schemars(range(min = 1, max = 64))]
    pub replicas: i32,
    /// Where the transaction log lives: exactly one kind. Default: a file log of 1Gi on a volume.
    pub log: LogSettings,
    /// What becomes of the volumes. Default: they are kept.
    pub retention: Retention,
    /// What a server accepts and holds.
    pub limits: LimitsSettings,
    /// Where the certificate comes from: at most one of `managed`, `secretRef`, `issuerRef`, `disabled`. Default: managed.
    pub tls: Tls,
    /// Who may read and write. Default: the bearers of the token in the Secret `<name>-token`.
    pub auth: AuthSettings,
    /// The proxy in front of each server.
    pub sidecar: SidecarSettings,
    /// The Service that clients use.
    pub service: Service,
    /// A way in from outside the cluster, by an Ingress. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,
    /// A way in from outside the cluster, by the Gateway API. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_route: Option<HttpRoute>,
    /// Who may open connections to the pods. Default: everybody.
    pub network_policy: NetworkPolicy,
    /// What the pods look like to the scheduler and to others.
    pub pod: Pod,
    /// What is made for Prometheus.
    pub monitoring: Monitoring,
    /// When the store is copied, where to, and for how long copies are kept. Default: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
    /// What the store begins with; it cannot change. Default: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<Bootstrap>,
    /// Whether the store is stopped: no pods, volumes and Secrets kept. Default false.
    pub stopped: bool,
    /// Whether the operator leaves the store alone; deletion still works. Default false.
    pub paused: bool,
}

impl Default for KeyValueStoreSpec {
    fn default() -> Self {
        Self {
            version: crate::RELEASE.to_owned(),
            replicas: 1,
            log: LogSettings::default(),
            retention: Retention::default(),
            limits: LimitsSettings::default(),
            tls: Tls::default(),
            auth: AuthSettings::default(),
            sidecar: SidecarSettings::default(),
            service: Service::default(),
            ingress: None,
            http_route: None,
            network_policy: NetworkPolicy::default(),
            pod: Pod::default(),
            monitoring: Monitoring::default(),
            backup: None,
            bootstrap: None,
            stopped: false,
            paused: false,
        }
    }
}
