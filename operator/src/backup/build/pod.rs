//! The pod that copies a store, as any client of it does: over its Service, with its token, checking its certificate.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, ConfigMapVolumeSource, Container, PodSpec, PodTemplateSpec, ResourceRequirements,
    SecretVolumeSource, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kivi_crds::labels;

use super::destination;
use crate::backup::model::Copy;
use crate::build::container::{LAST_WORDS, container_security};
use crate::build::metadata;
use crate::build::pod::{pod_security, some_list};
use crate::build::volumes::{MODE, mount};

const TOKENS: &str = "/etc/kivi/tokens";
const CA: &str = "/etc/kivi/ca";
/// Where a container leaves its last words for its pod's status.
const REPORT: &str = "/dev/termination-log";

/// The labels of what copies a store: a policy for the network can tell it from the store's own pods.
pub(super) fn labels(copy: &Copy) -> BTreeMap<String, String> {
    labels::backup(&copy.source.store)
}

/// The pod that runs `command`, with `more` behind the flags that each copying takes.
pub(super) fn template(copy: &Copy, command: &str, more: Vec<String>) -> PodTemplateSpec {
    let (source, placement) = (&copy.source, copy.placement.clone());
    let place = destination::place(&copy.destination);
    let mut args = vec![
        command.to_owned(),
        format!("--server={}", source.endpoint),
        format!("--tokens-dir={TOKENS}"),
        format!("--to={}", place.url),
        format!("--report={REPORT}"),
    ];
    let mut volumes = vec![tokens(&source.tokens_secret)];
    let mut mounts = vec![mount("tokens", TOKENS, true)];
    if let Some(bundle) = &source.ca_config_map {
        args.push(format!("--ca={CA}/ca.crt"));
        volumes.push(ca(bundle));
        mounts.push(mount("ca", CA, true));
    }
    args.extend(more);
    mounts.extend(destination::mounts(&place.volumes, false));
    volumes.extend(place.volumes);
    let container = Container {
        name: command.to_owned(),
        image: Some(copy.tools.image.clone()),
        image_pull_policy: Some(copy.tools.pull_policy.as_str().to_owned()),
        args: Some(args),
        env: (!place.environment.is_empty()).then_some(place.environment),
        volume_mounts: Some(mounts),
        resources: (placement.resources != ResourceRequirements::default()).then_some(placement.resources),
        security_context: Some(container_security()),
        termination_message_policy: Some(LAST_WORDS.to_owned()),
        ..Container::default()
    };
    PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels(copy)), ..ObjectMeta::default() }),
        spec: Some(PodSpec {
            service_account_name: Some(placement.service_account),
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            restart_policy: Some("Never".to_owned()),
            security_context: Some(pod_security()),
            containers: vec![container],
            volumes: Some(volumes),
            image_pull_secrets: some_list(&placement.image_pull_secrets),
            node_selector: metadata::some(placement.node_selector),
            tolerations: some_list(&placement.tolerations),
            affinity: placement
                .node_affinity
                .map(|rules| Affinity { node_affinity: Some(rules), ..Affinity::default() }),
            priority_class_name: placement.priority_class_name,
            ..PodSpec::default()
        }),
    }
}

fn tokens(secret: &str) -> Volume {
    Volume {
        name: "tokens".to_owned(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.to_owned()),
            default_mode: Some(MODE),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

fn ca(config_map: &str) -> Volume {
    Volume {
        name: "ca".to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: config_map.to_owned(),
            default_mode: Some(MODE),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}
