//! A store after validation: strong types that the builders cannot fail on. From here on nobody reads the
//! custom resource.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    Affinity, PodTemplateSpec, ResourceRequirements, Toleration, TopologySpreadConstraint,
};
use k8s_openapi::api::networking::v1::NetworkPolicyPeer;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kivi_crds::settings::Settings;
use kivi_crds::{Ingress, Opaque, Retention, Service, StoreNames, labels};

use crate::backup::policy::{Policy, Restore};
use crate::catalog::Release;
use crate::pki::{Examined, Held};
use crate::volumes::growth::Growth;
use crate::volumes::plan::{Refusal, Template};

/// A store that can be built.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// Its name and its children's.
    pub names: StoreNames,
    /// Its namespace, and its children's.
    pub namespace: String,
    /// What each child names as its owner.
    pub owner: OwnerReference,
    /// The generation of the spec that this is.
    pub generation: i64,
    /// What it runs.
    pub release: Release,
    /// What its pods were last asked to restart for.
    pub restart: Option<String>,
    /// Number of pods; 0 when it is stopped.
    pub replicas: i32,
    /// Number of pods when it is not stopped.
    pub servers: i32,
    /// Whether it is stopped.
    pub stopped: bool,
    /// What its processes read.
    pub settings: Settings,
    /// Its volumes.
    pub volume: Volume,
    /// What becomes of its volumes.
    pub retention: Retention,
    /// Where its certificate comes from.
    pub certificate: Certificate,
    /// The DNS domain of the cluster's Services.
    pub cluster_domain: String,
    /// Where its bearer tokens come from.
    pub tokens: Tokens,
    /// The Service that clients use.
    pub service: Service,
    /// What its pods look like.
    pub pod: PodOptions,
    /// Labels of its ServiceMonitor, where one is wanted and the cluster knows ServiceMonitors.
    pub service_monitor: Option<BTreeMap<String, String>>,
    /// What is done for its copies.
    pub backup: Option<Policy>,
    /// Whether a CronJob of an earlier spec copies its log still.
    pub superseded_archive: bool,
    /// What its volume is filled from before its first start.
    pub restore: Option<Restore>,
    /// Who may open connections to its pods, where that is restricted.
    pub network_policy: Option<Allowed>,
    /// Its Ingress, where one is wanted.
    pub ingress: Option<Ingress>,
    /// Its HTTPRoute, where one is wanted and the cluster knows HTTPRoutes.
    pub http_route: Option<Route>,
    /// What the spec asks for and the cluster does not know, a sentence each.
    pub unknown_kinds: Vec<String>,
}

/// Who may open connections to the pods.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Allowed {
    /// Who reaches the clients' port; none means the pods of the namespace.
    pub from: Vec<NetworkPolicyPeer>,
    /// Who reaches the health ports besides the operator.
    pub monitoring_from: Vec<NetworkPolicyPeer>,
}

/// An HTTPRoute.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Route {
    /// The Gateways that it hangs on. What they must be is for the Gateway API to say.
    pub parent_refs: Vec<Opaque>,
    /// Hosts whose requests are for the store; none means all.
    pub hostnames: Vec<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Whether the cluster knows BackendTLSPolicies.
    pub backend_tls: bool,
}

/// The volume of each pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Size in the claim template. A StatefulSet's templates never change: once made, the size is kept
    /// here until the StatefulSet is replaced.
    pub template_size: String,
    /// Size that each claim should ask for.
    pub wanted_size: String,
    /// What is to be done to the StatefulSet for that.
    pub template: Template,
    /// Whether it grows by itself, and what there is to tell of that.
    pub growth: Growth,
    /// Why a claim does not ask for that size.
    pub refusal: Option<Refusal>,
    /// StorageClass; none means the cluster's default class.
    pub storage_class: Option<String>,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// Issued by the operator.
    Managed(Box<ManagedCertificate>),
    /// Issued by cert-manager.
    Issuer(Box<IssuerCertificate>),
    /// Kept by someone else in this Secret.
    Provided {
        /// Name of the Secret.
        secret: String,
        /// What is in it.
        served: Examined,
    },
    /// None: no TLS.
    Disabled,
}

/// A certificate that the operator issues, and what there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedCertificate {
    /// What is in the cluster.
    pub held: Held,
    /// How long a leaf is valid.
    pub duration: Duration,
    /// How long before its end a leaf is renewed.
    pub renew_before: Duration,
    /// How long an authority is valid.
    pub authority_duration: Duration,
    /// How long a new authority is published before it issues.
    pub overlap: Duration,
    /// A user's request for a new authority.
    pub roll: Option<String>,
    /// A user's request for a new leaf.
    pub rotate: Option<String>,
    /// More DNS names of the leaf.
    pub dns_names: Vec<String>,
}

/// A certificate that is asked of cert-manager, and what there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerCertificate {
    /// Who issues it.
    pub issuer: Issuer,
    /// How long it is valid.
    pub duration: Duration,
    /// How long before its end it is renewed.
    pub renew_before: Duration,
    /// More DNS names of it.
    pub dns_names: Vec<String>,
    /// What its Secret holds, if that can be served.
    pub served: Option<Examined>,
    /// Its Secret, once cert-manager has written it: made the store's, so that it goes with the store.
    pub secret: Option<IssuedSecret>,
    /// What cert-manager says of it.
    pub ready: Option<Readiness>,
    /// How often cert-manager issued it.
    pub revision: i64,
}

/// An issuer of cert-manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its API group.
    pub group: String,
}

/// Which Secret it is that cert-manager wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedSecret {
    /// Its uid: another of its name is not meant.
    pub uid: String,
    /// Its type, which cannot change.
    pub type_: Option<String>,
}

/// What cert-manager says of a Certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether it is as it should be.
    pub ready: bool,
    /// Its sentence.
    pub message: String,
}

/// Where bearer tokens come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tokens {
    /// Made by the operator; the one in the cluster, if there is one.
    Managed {
        /// The token in the cluster.
        token: Option<String>,
    },
    /// Kept by someone else in this Secret.
    Provided {
        /// Name of the Secret.
        secret: String,
    },
}

/// What pods look like, parsed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PodOptions {
    /// Compute resources of the server.
    pub server_resources: ResourceRequirements,
    /// Compute resources of the sidecar.
    pub sidecar_resources: ResourceRequirements,
    /// Labels of the nodes that may run a pod.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the pods tolerate.
    pub tolerations: Vec<Toleration>,
    /// Rules on nodes and neighbours.
    pub affinity: Option<Affinity>,
    /// How pods spread over zones and nodes.
    pub topology_spread_constraints: Vec<TopologySpreadConstraint>,
    /// PriorityClass.
    pub priority_class_name: Option<String>,
    /// A ServiceAccount of someone else's.
    pub service_account: Option<String>,
    /// Annotations of the store's own ServiceAccount.
    pub service_account_annotations: BTreeMap<String, String>,
    /// What is laid over the template.
    pub template: Option<PodTemplateSpec>,
    /// More labels.
    pub labels: BTreeMap<String, String>,
    /// More annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Store {
    /// The labels of each child.
    pub fn labels(&self) -> BTreeMap<String, String> {
        labels::child(self.names.store(), &self.release.version)
    }

    /// The labels that select the pods.
    pub fn selector(&self) -> BTreeMap<String, String> {
        labels::selector(self.names.store())
    }

    /// Whether it has several servers. It is, also while it is stopped.
    pub fn is_replicated(&self) -> bool {
        self.servers > 1
    }

    /// The ServiceAccount of the pods.
    pub fn service_account(&self) -> &str {
        self.pod.service_account.as_deref().unwrap_or(self.names.store())
    }

    /// Whether clients speak TLS.
    pub fn tls(&self) -> bool {
        self.certificate != Certificate::Disabled
    }

    /// The Secret that the server's pair is read from.
    pub fn certificate_secret(&self) -> Option<String> {
        match &self.certificate {
            Certificate::Managed(_) | Certificate::Issuer(_) => Some(self.names.tls_secret()),
            Certificate::Provided { secret, .. } => Some(secret.clone()),
            Certificate::Disabled => None,
        }
    }

    /// The Secret that the tokens are read from.
    pub fn tokens_secret(&self) -> String {
        match &self.tokens {
            Tokens::Managed { .. } => self.names.token_secret(),
            Tokens::Provided { secret } => secret.clone(),
        }
    }

    /// The name of its Service inside the cluster.
    pub fn host(&self) -> String {
        format!("{}.{}.svc", self.names.store(), self.namespace)
    }

    /// The URL of the store inside the cluster; a scheme's own port is left out.
    pub fn endpoint(&self) -> String {
        let host = self.host();
        match (self.tls(), self.service.port) {
            (true, 443) => format!("https://{host}"),
            (true, port) => format!("https://{host}:{port}"),
            (false, 80) => format!("http://{host}"),
            (false, port) => format!("http://{host}:{port}"),
        }
    }

    /// Every name that the server's certificate carries: both Services', the pods', those of the spec, and those by which
    /// a port-forward is reached.
    pub fn server_names(&self) -> Vec<String> {
        let (namespace, domain) = (&self.namespace, &self.cluster_domain);
        let below = |host: &str| {
            let service = format!("{host}.{namespace}.svc");
            [format!("{host}.{namespace}"), format!("{service}.{domain}"), service]
        };
        let (name, pods) = (self.names.store(), self.names.pods_service());
        let mut names = vec![name.to_owned(), pods.clone(), "localhost".to_owned(), "127.0.0.1".to_owned()];
        // There is no `*.NAME-pods`: verifiers refuse a wildcard before a single label.
        names.extend([name, &pods, &format!("*.{pods}")].into_iter().flat_map(below));
        match &self.certificate {
            Certificate::Managed(managed) => names.extend(managed.dns_names.iter().cloned()),
            Certificate::Issuer(wanted) => names.extend(wanted.dns_names.iter().cloned()),
            Certificate::Provided { .. } | Certificate::Disabled => {}
        }
        names.sort();
        names.dedup();
        names
    }
}
