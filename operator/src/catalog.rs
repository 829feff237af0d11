//! The releases that this operator can run, and the images of each. It must not do IO.

use crate::cli::{PullPolicy, RunArgs};

/// The releases that this operator can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    releases: Vec<Release>,
}

/// The images of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version, as in `spec.version`.
    pub version: String,
    /// Image of the server.
    pub server_image: String,
    /// Image of the sidecar.
    pub sidecar_image: String,
    /// When a node pulls them.
    pub pull_policy: PullPolicy,
}

impl Catalog {
    /// This operator's own release, with the images of its command line.
    pub fn own(args: &RunArgs) -> Self {
        Self {
            releases: vec![Release {
                version: kivi_crds::RELEASE.to_owned(),
                server_image: args.server_image.clone(),
                sidecar_image: args.sidecar_image.clone(),
                pull_policy: args.image_pull_policy,
            }],
        }
    }

    /// The release of this version.
    pub fn release(&self, version: &str) -> Option<&Release> {
        self.releases.iter().find(|release| release.version == version)
    }

    /// Every version, for the sentence that refuses another.
    pub fn versions(&self) -> String {
        self.releases.iter().map(|release| release.version.as_str()).collect::<Vec<_>>().join(", ")
    }
}
