//! The pod template: a server, and before it the sidecar as a native sidecar, under the restricted
//! profile of the Pod Security Standards.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, ContainerPort, EmptyDirVolumeSource, HTTPGetAction, KeyToPath,
    PodSecurityContext, PodSpec, PodTemplateSpec, Probe, SeccompProfile, SecretVolumeSource, SecurityContext,
    Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kivi_crds::annotations::RESTART;

use super::{config, metadata, overlay, scheduling, server, sidecar};
use crate::backup::build as backup;
use crate::model::Store;

/// Where clients come in, with and without a sidecar.
pub(super) const CLIENT_PORT: i32 = 8443;
/// The server's health port.
pub(crate) const SERVER_HEALTH_PORT: i32 = 8081;
/// The sidecar's health port.
pub(super) const SIDECAR_HEALTH_PORT: i32 = 8091;
/// Name of the server's health port.
pub(super) const SERVER_HEALTH: &str = "server-health";
/// Name of the sidecar's health port.
pub(super) const SIDECAR_HEALTH: &str = "sidecar-health";

/// The user and group of both processes: nobody's, as in distroless images.
const ID: i64 = 65532;
/// Seconds from the first signal to the last: the server's pause and drain (5 + 25), then the sidecar's
/// drain (25), and some to spare.
const TERMINATION_SECONDS: i64 = 60;
/// Annotation with the hash of what the processes read at their start only.
const CONFIG_HASH: &str = "kivi.dev/config-hash";
/// A container that fails leaves the end of its log in its status: why a store does not start is seen
/// without a log.
pub(crate) const LAST_WORDS: &str = "FallbackToLogsOnError";
/// Files in a pod are read by the pod's group.
pub(crate) const MODE: i32 = 0o440;

/// Name of the volume with the server's pair.
pub(crate) const TLS: &str = "tls";
/// Name of the volume with the bearer tokens.
pub(crate) const TOKENS: &str = "tokens";

/// Name of the port where clients come in.
pub(super) fn client_port_name(store: &Store) -> &'static str {
    if store.tls() { "https" } else { "http" }
}

pub(super) fn template(store: &Store) -> PodTemplateSpec {
    let mut labels = store.pod.labels.clone();
    labels.extend(store.labels());
    let mut annotations = store.pod.annotations.clone();
    annotations.remove(RESTART);
    annotations.extend(store.restart.clone().map(|value| (RESTART.to_owned(), value)));
    annotations.insert(CONFIG_HASH.to_owned(), config::hash(&store.settings));
    annotations.insert("kubectl.kubernetes.io/default-container".to_owned(), server::NAME.to_owned());
    let resources = &store.pod.server_resources;
    let (restore, backups) =
        store.restore.as_ref().map(|restore| backup::restore(restore, resources)).unzip();
    // A volume is filled before anything else of the pod starts.
    let mut init: Vec<_> = restore.into_iter().collect();
    init.extend(store.settings.sidecar.enabled.then(|| sidecar::container(store)));
    let mut volumes = volumes(store);
    volumes.extend(backups.into_iter().flatten());
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(labels),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            service_account_name: Some(store.service_account().to_owned()),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            termination_grace_period_seconds: Some(TERMINATION_SECONDS),
            security_context: Some(pod_security()),
            init_containers: (!init.is_empty()).then_some(init),
            containers: vec![server::container(store)],
            volumes: Some(volumes),
            node_selector: metadata::some(store.pod.node_selector.clone()),
            tolerations: some_list(&store.pod.tolerations),
            affinity: scheduling::affinity(store),
            topology_spread_constraints: scheduling::spread(store),
            priority_class_name: store.pod.priority_class_name.clone(),
            ..PodSpec::default()
        }),
    };
    overlay::lay(template, store.pod.template.as_ref())
}

pub(crate) fn some_list<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

/// The security context of a pod: the restricted profile's.
pub(crate) fn pod_security() -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(ID),
        run_as_group: Some(ID),
        fs_group: Some(ID),
        // A large volume is not walked at each start.
        fs_group_change_policy: Some("OnRootMismatch".to_owned()),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        ..PodSecurityContext::default()
    }
}

/// The security context of both containers.
pub(crate) fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), ..Capabilities::default() }),
        ..SecurityContext::default()
    }
}

fn volumes(store: &Store) -> Vec<Volume> {
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

/// What the process at the clients' port reads besides the configuration: the pair and the tokens.
pub(super) fn front_mounts(store: &Store) -> Vec<VolumeMount> {
    let mut mounts = vec![mount(TOKENS, "/etc/kivi/tokens", true)];
    if store.tls() {
        mounts.push(mount(TLS, "/etc/kivi/tls", true));
    }
    mounts
}

/// The flags that go with them.
pub(super) fn front_args(store: &Store) -> Vec<String> {
    let mut args =
        vec![format!("--listen=0.0.0.0:{CLIENT_PORT}"), "--tokens-dir=/etc/kivi/tokens".to_owned()];
    if store.tls() {
        args.push("--tls-dir=/etc/kivi/tls".to_owned());
    }
    args
}

/// A named port of a container.
pub(super) fn port(name: &str, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

/// A probe of a health port, by the second.
pub(super) fn probe(path: &str, port: &str, period_seconds: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String(port.to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period_seconds),
        failure_threshold: Some(failures),
        timeout_seconds: Some(5),
        ..Probe::default()
    }
}
