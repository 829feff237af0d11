//! The sidecar's container: a native sidecar (an init container that restarts always), so it is up before
//! the server and ends after it.
//!
//! Its start must not wait for the server, which starts only after it; its life must not depend on the
//! server; its readiness is the server's.

use k8s_openapi::api::core::v1::Container;

use super::{container, environment, ports, volumes};
use crate::model::Store;

/// Name of the container.
const NAME: &str = "sidecar";

pub(super) fn container(store: &Store) -> Container {
    let mut args = vec![
        "--config=/etc/kivi/config/kivi.yaml".to_owned(),
        "--upstream=unix:/run/kivi/server.sock".to_owned(),
    ];
    args.extend(container::front_args(store));
    args.extend([
        format!("--health-listen=0.0.0.0:{}", ports::SIDECAR_HEALTH_PORT),
        "--admin-listen=127.0.0.1:8092".to_owned(),
    ]);
    let mut mounts =
        vec![volumes::mount("config", "/etc/kivi/config", true), volumes::mount("run", "/run/kivi", false)];
    mounts.extend(container::front_mounts(store));
    Container {
        name: NAME.to_owned(),
        image: Some(store.release.sidecar_image.clone()),
        image_pull_policy: Some(store.release.pull_policy.as_str().to_owned()),
        restart_policy: Some("Always".to_owned()),
        args: Some(args),
        env: Some(environment::variables(store, "kivi-sidecar")),
        ports: Some(vec![
            container::port(ports::client_port_name(store), ports::CLIENT_PORT),
            container::port(ports::SIDECAR_HEALTH, ports::SIDECAR_HEALTH_PORT),
        ]),
        volume_mounts: Some(mounts),
        resources: Some(store.pod.sidecar_resources.clone()),
        security_context: Some(container::container_security()),
        startup_probe: Some(container::probe("/startupz", ports::SIDECAR_HEALTH, 1, 60)),
        readiness_probe: Some(container::probe("/readyz", ports::SIDECAR_HEALTH, 1, 3)),
        liveness_probe: Some(container::probe("/livez", ports::SIDECAR_HEALTH, 10, 3)),
        termination_message_policy: Some(container::LAST_WORDS.to_owned()),
        ..Container::default()
    }
}
