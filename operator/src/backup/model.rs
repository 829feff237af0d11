//! What is copied, from where to where, and by which image: strong types that the builders cannot fail on.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LocalObjectReference, NodeAffinity, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kivi_crds::{BackupRetention, Destination};

use crate::cli::{PullPolicy, RunArgs};

/// The program that copies: this operator's own image, as its subcommands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// Image, as a full reference.
    pub image: String,
    /// When a node pulls it.
    pub pull_policy: PullPolicy,
}

impl Tools {
    /// The image of the command line.
    pub fn own(args: &RunArgs) -> Self {
        Self { image: args.operator_image.clone(), pull_policy: args.image_pull_policy }
    }
}

/// A store as its clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Name of the store.
    pub store: String,
    /// Its namespace.
    pub namespace: String,
    /// URL of the store inside the cluster.
    pub endpoint: String,
    /// ConfigMap with what its certificate is checked by; none means what public authorities vouch for, or no TLS.
    pub ca_config_map: Option<String>,
    /// Secret with its bearer tokens.
    pub tokens_secret: String,
}

/// Where the pods run that copy a store, as whom, and with what.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Placement {
    /// Their ServiceAccount: the store's. It has no rights, and may hold what pulls an image.
    pub service_account: String,
    /// Secrets that an image is pulled with.
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// Labels of the nodes that may run one.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that they tolerate.
    pub tolerations: Vec<Toleration>,
    /// Rules on nodes.
    pub node_affinity: Option<NodeAffinity>,
    /// PriorityClass.
    pub priority_class_name: Option<String>,
    /// Compute resources of each one's container.
    pub resources: ResourceRequirements,
}

/// A copy of a store that can be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Copy {
    /// What is copied.
    pub source: Source,
    /// Where to; every field that a default stands for is written out.
    pub destination: Destination,
    /// What copies.
    pub tools: Tools,
    /// Where that runs.
    pub placement: Placement,
}

/// A backup that can be made.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupJob {
    /// Name of the backup, of its Job, and of the copy in its destination.
    pub name: String,
    /// What the Job names as its owner.
    pub owner: OwnerReference,
    /// What is copied, and where to.
    pub copy: Copy,
    /// Which of the scheduled backups are kept; none where the schedule did not make this one.
    pub retention: Option<BackupRetention>,
}
