//! How a pod reaches a destination: by a volume, or by the environment that S3 clients read.

use k8s_openapi::api::core::v1::{
    EnvVar, EnvVarSource, KeyToPath, PersistentVolumeClaimVolumeSource, SecretKeySelector,
    SecretVolumeSource, Volume, VolumeMount,
};
use kivi_crds::{CaSecretRef, Destination, S3Destination, VolumeDestination};

use crate::build::volumes::{MODE, mount};

/// Name of the volume of backups.
const BACKUPS: &str = "backups";
/// Where it is in a container.
const PATH: &str = "/var/lib/kivi-backup";
/// Name of the volume with the authorities of a bucket's server.
const AUTHORITIES: &str = "bucket-ca";
/// Where it is in a container.
const AUTHORITIES_PATH: &str = "/etc/kivi/bucket-ca";
const AUTHORITIES_FILE: &str = "ca.crt";
/// The volumes that a destination may need.
pub const VOLUMES: [&str; 2] = [BACKUPS, AUTHORITIES];
/// The variables whose values are written out.
const VALUES: [&str; 4] = ["AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP", "AWS_CA_BUNDLE"];
/// The variables that come of a Secret, each of the key of its own name.
const KEYS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// What a pod needs for a destination.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Place {
    /// As `--to` and `--from` name it.
    pub(super) url: String,
    /// What an S3 client reads.
    pub(super) environment: Vec<EnvVar>,
    /// The volume of backups, or that with a bucket's authorities.
    pub(super) volumes: Vec<Volume>,
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

/// Where these volumes are in a container that only reads, or also writes backups.
pub(super) fn mounts(volumes: &[Volume], read_only: bool) -> Vec<VolumeMount> {
    let place = |volume: &Volume| match volume.name.as_str() {
        AUTHORITIES => mount(AUTHORITIES, AUTHORITIES_PATH, true),
        name => mount(name, PATH, read_only),
    };
    volumes.iter().map(place).collect()
}

/// Whether a place is one that [`place`] writes. None of another file of the container's is.
pub(super) fn is_place(url: &str) -> bool {
    let folder = url.strip_prefix("file://").and_then(|path| path.strip_prefix(PATH)?.strip_prefix('/'));
    folder.map_or_else(|| url.starts_with("s3://"), |folder| folder.split('/').all(|part| part != ".."))
}

/// Whether a variable is one that [`place`] writes.
pub(super) fn is_variable(variable: &EnvVar) -> bool {
    let name = variable.name.as_str();
    let of_secret = |secret: &SecretKeySelector| *variable == from_secret(&secret.name, name);
    match variable.value_from.as_ref().and_then(|source| source.secret_key_ref.as_ref()) {
        Some(secret) => KEYS.contains(&name) && of_secret(secret),
        None => VALUES.contains(&name) && variable.value_from.is_none(),
    }
}

/// Whether a volume is one that [`place`] writes: a claim of backups, or a Secret's authorities, and nothing else of that name.
pub(super) fn is_volume(volume: &Volume) -> bool {
    let Volume { name, persistent_volume_claim, secret, .. } = volume.clone();
    let bare = match name.as_str() {
        BACKUPS => persistent_volume_claim
            .map(|claim| Volume { persistent_volume_claim: Some(claim), ..Volume::default() }),
        AUTHORITIES => secret.map(|secret| Volume { secret: Some(secret), ..Volume::default() }),
        _ => None,
    };
    bare.is_some_and(|bare| *volume == Volume { name, ..bare })
}

fn on_volume(volume: &VolumeDestination) -> Place {
    let path = volume.path.as_deref().unwrap_or_default();
    Place {
        url: format!("file://{PATH}/{path}"),
        environment: Vec::new(),
        volumes: vec![Volume {
            name: BACKUPS.to_owned(),
            persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
                claim_name: volume.claim_name.clone(),
                ..PersistentVolumeClaimVolumeSource::default()
            }),
            ..Volume::default()
        }],
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
        environment.extend(KEYS.map(|key| from_secret(&secret.name, key)));
    }
    if s3.ca_secret_ref.is_some() {
        environment.push(value("AWS_CA_BUNDLE", &format!("{AUTHORITIES_PATH}/{AUTHORITIES_FILE}")));
    }
    let prefix = s3.prefix.as_deref().unwrap_or_default();
    let volumes = s3.ca_secret_ref.iter().map(authorities).collect();
    Place { url: format!("s3://{}/{prefix}", s3.bucket), environment, volumes }
}

/// Optional, as the credentials are. Every field is written out: a store's pods keep it as the API server tells it.
fn authorities(named: &CaSecretRef) -> Volume {
    Volume {
        name: AUTHORITIES.to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(named.name.clone()),
            items: Some(vec![KeyToPath {
                key: named.key().to_owned(),
                path: AUTHORITIES_FILE.to_owned(),
                ..KeyToPath::default()
            }]),
            default_mode: Some(MODE),
            optional: Some(true),
        }),
        ..Volume::default()
    }
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
