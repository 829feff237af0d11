//! How a pod reaches a destination: by a volume, or by the environment that S3 clients read.

use k8s_openapi::api::core::v1::{
    EnvVar, EnvVarSource, PersistentVolumeClaimVolumeSource, SecretKeySelector, Volume, VolumeMount,
};
use kivi_crds::{Destination, S3Destination, VolumeDestination};

use crate::build::pod::mount;

/// Name of the volume.
pub(super) const VOLUME: &str = "backups";
/// Where it is in a container.
pub(super) const PATH: &str = "/var/lib/kivi-backup";

/// What a pod needs for a destination.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Place {
    /// As `--to` and `--from` name it.
    pub(super) url: String,
    /// What an S3 client reads.
    pub(super) environment: Vec<EnvVar>,
    /// The volume of backups.
    pub(super) volumes: Vec<Volume>,
    /// Its place in the container.
    pub(super) mounts: Vec<VolumeMount>,
}

/// What a pod needs for a destination whose defaults are written out.
pub(super) fn place(destination: &Destination) -> Place {
    match (&destination.volume, &destination.s3) {
        (Some(volume), _) => on_volume(volume),
        (None, Some(s3)) => in_bucket(s3),
        // Validation lets no such destination through.
        (None, None) => Place::default(),
    }
}

fn on_volume(volume: &VolumeDestination) -> Place {
    let path = volume.path.as_deref().unwrap_or_default();
    Place {
        url: format!("file://{PATH}/{path}"),
        environment: Vec::new(),
        volumes: vec![Volume {
            name: VOLUME.to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: volume.claim_name.clone(),
                ..PersistentVolumeClaimVolumeSource::default()
            }),
            ..Volume::default()
        }],
        mounts: vec![mount(VOLUME, PATH, false)],
    }
}

fn in_bucket(s3: &S3Destination) -> Place {
    let value = |name: &str, value: &str| EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..EnvVar::default()
    };
    let mut environment = vec![value("AWS_REGION", s3.region.as_deref().unwrap_or("us-east-1"))];
    if let Some(endpoint) = &s3.endpoint {
        environment.push(value("AWS_ENDPOINT_URL", endpoint));
    }
    if s3.allow_http == Some(true) {
        environment.push(value("AWS_ALLOW_HTTP", "true"));
    }
    if let Some(secret) = &s3.credentials_secret_ref {
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
        environment.extend(keys.map(|key| from_secret(&secret.name, key)));
    }
    let prefix = s3.prefix.as_deref().unwrap_or_default();
    Place { url: format!("s3://{}/{prefix}", s3.bucket), environment, ..Place::default() }
}

/// Optional, each of them: a container that lacks one says so itself, and one that does not need it any more starts.
fn from_secret(secret: &str, key: &str) -> EnvVar {
    EnvVar {
        name: key.to_owned(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: secret.to_owned(),
                key: key.to_owned(),
                optional: Some(true),
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}
