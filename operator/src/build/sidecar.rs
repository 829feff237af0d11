//! The sidecar's container: a native sidecar (an init container that restarts always), so it is up before
//! the server and ends after it.
//!
//! Its start must not wait for the server, which starts only after it; its life must not depend on the
//! server; its readiness is the server's.

use k8s_openapi::api::core::v1::Container;

use super::{environment, pod};
use crate::model::Store;

/// Name of the container.
const NAME: &str = "sidecar";

pub(super) fn container(store: &Store) -> Container {
    let mut args = vec![
        "--config=/etc/kivi/config/kivi.yaml".to_owned(),
        "--upstream=unix:/run/kivi/server.sock".to_owned(),
    ];
    args.extend(pod::front_args(store));
    args.extend([
        format!("--health-listen=0.0.0.0:{}", pod::SIDECAR_HEALTH_PORT),
        "--admin-listen=127.0.0.1:8092".to_owned(),
    ]);
    let mut mounts =
        vec![pod::mount("config", "/etc/kivi/config", true), pod::mount("run", "/run/kivi", false)];
    mounts.extend(pod::front_mounts(store));
    Container {
        name: NAME.to_owned(),
        image: Some(store.release.sidecar_image.clone()),
        image_pull_policy: Some(store.release.pull_policy.as_str().to_owned()),
        restart_policy: Some("Always".to_owned()),
        args: Some(args),
        env: Some(environment::variables(store, "kivi-sidecar")),
        ports: Some(vec![
            pod::port(pod::client_port_name(store), pod::CLIENT_PORT),
            pod::port(pod::SIDECAR_HEALTH, pod::SIDECAR_HEALTH_PORT),
        ]),
        volume_mounts: Some(mounts),
        resources: Some(store.pod.sidecar_resources.clone()),
        security_context: Some(pod::container_security()),
        startup_probe: Some(pod::probe("/startupz", pod::SIDECAR_HEALTH, 1, 60)),
        readiness_probe: Some(pod::probe("/readyz", pod::SIDECAR_HEALTH, 1, 3)),
        liveness_probe: Some(pod::probe("/livez", pod::SIDECAR_HEALTH, 10, 3)),
        termination_message_policy: Some(pod::LAST_WORDS.to_owned()),
        ..Container::default()
    }
}
