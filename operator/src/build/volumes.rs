//! The volumes of a store's pods, and where a container mounts one. The log's is not among them: a StatefulSet adds it.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, KeyToPath, SecretVolumeSource, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::model::Store;

/// Files in a pod are read by the pod's group.
pub(crate) const MODE: i32 = 0o440;

/// Name of the volume with the server's pair.
pub(crate) const TLS: &str = "tls";
/// Name of the volume with the bearer tokens.
pub(crate) const TOKENS: &str = "tokens";

/// The volumes of each pod.
pub(super) fn volumes(store: &Store) -> Vec<Volume> {
    let mut volumes = vec![
        Volume {
            name: "config".to_owned(),
            config_map: Some(ConfigMapVolumeSource {
                name: store.names.store().to_owned(),
                default_mode: Some(MODE),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        },
        Volume {
            name: TOKENS.to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(store.tokens_secret()),
                default_mode: Some(MODE),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        },
    ];
    if let Some(secret) = store.certificate_secret() {
        volumes.push(Volume {
            name: TLS.to_owned(),
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret),
                default_mode: Some(MODE),
                items: Some(["tls.crt", "tls.key"].map(key).to_vec()),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        });
    }
    if store.settings.sidecar.enabled {
        volumes.push(Volume {
            name: "run".to_owned(),
            // It holds one socket.
            empty_dir: Some(EmptyDirVolumeSource {
                size_limit: Some(Quantity("1Mi".to_owned())),
                ..EmptyDirVolumeSource::default()
            }),
            ..Volume::default()
        });
    }
    volumes
}

fn key(name: &str) -> KeyToPath {
    KeyToPath { key: name.to_owned(), path: name.to_owned(), ..KeyToPath::default() }
}

/// A volume's place in a container.
pub(crate) fn mount(volume: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: volume.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

/// The Secret that a volume of a StatefulSet's pods shows, as the pods were made.
pub(crate) fn secret<'s>(set: &'s StatefulSet, volume: &str) -> Option<&'s str> {
    let pod = set.spec.as_ref()?.template.spec.as_ref()?;
    let volume = pod.volumes.iter().flatten().find(|other| other.name == volume)?;
    volume.secret.as_ref()?.secret_name.as_deref()
}
