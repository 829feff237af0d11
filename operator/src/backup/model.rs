//! What is copied, from where to where, and by which image: strong types that the builders cannot fail on.

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
    /// Name of the store, and of its ServiceAccount.
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

/// A copy of a store that can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// What is copied.
    pub source: Source,
    /// Where to; every field that a default stands for is written out.
    pub destination: Destination,
    /// What copies.
    pub tools: Tools,
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
