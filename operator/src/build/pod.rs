//! The pod template: a server, and before it the sidecar as a native sidecar, under the restricted
//! profile of the Pod Security Standards.

use k8s_openapi::api::core::v1::{PodSecurityContext, PodSpec, PodTemplateSpec, SeccompProfile};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::annotations::RESTART;

use super::{config, metadata, overlay, scheduling, server, sidecar, volumes};
use crate::backup::build as backup;
use crate::model::Store;

/// The user and group of both processes: nobody's, as in distroless images.
const ID: i64 = 65532;
/// Seconds from the first signal to the last: the server's pause and drain (5 + 25), then the sidecar's
/// drain (25), and some to spare.
const TERMINATION_SECONDS: i64 = 60;
/// Annotation with the hash of what the processes read at their start only.
const CONFIG_HASH: &str = "kivi.dev/config-hash";
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
    let mut volumes = volumes::volumes(store);
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
