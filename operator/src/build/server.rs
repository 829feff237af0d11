//! The server's container. Behind a sidecar it listens on a socket that only the sidecar shares.

use k8s_openapi::api::core::v1::{Container, Lifecycle, LifecycleHandler, SleepAction};
use kivi_crds::LOG_VOLUME;

use super::{container, environment, ports, volumes};
use crate::model::Store;

/// Name of the container.
pub(super) const NAME: &str = "server";

/// Seconds between the pod's leaving the Services and the server's SIGTERM: by then no client is sent
/// here any more.
const PRE_STOP_SECONDS: i64 = 5;
/// A replay may take long; a server that is replaying is not restarted, for an hour.
const STARTUP_SECONDS: i32 = 3600;

pub(super) fn container(store: &Store) -> Container {
    let mut args = vec!["--config=/etc/kivi/config/kivi.yaml".to_owned()];
    let mut mounts = vec![
        volumes::mount("config", "/etc/kivi/config", true),
        volumes::mount(LOG_VOLUME, "/var/lib/kivi", false),
    ];
    let mut ports = vec![container::port(ports::SERVER_HEALTH, ports::SERVER_HEALTH_PORT)];
    if store.settings.sidecar.enabled {
        args.push("--listen=unix:/run/kivi/server.sock".to_owned());
        mounts.push(volumes::mount("run", "/run/kivi", false));
    } else {
        args.extend(container::front_args(store));
        mounts.extend(container::front_mounts(store));
        ports.insert(0, container::port(ports::client_port_name(store), ports::CLIENT_PORT));
    }
    args.extend([
        "--data-dir=/var/lib/kivi".to_owned(),
        format!("--health-listen=0.0.0.0:{}", ports::SERVER_HEALTH_PORT),
        "--admin-listen=127.0.0.1:8082".to_owned(),
    ]);
    Container {
        name: NAME.to_owned(),
        image: Some(store.release.server_image.clone()),
        image_pull_policy: Some(store.release.pull_policy.as_str().to_owned()),
        args: Some(args),
        env: Some(environment::variables(store, "kivi-server")),
        ports: Some(ports),
        volume_mounts: Some(mounts),
        resources: Some(store.pod.server_resources.clone()),
        security_context: Some(container::container_security()),
        startup_probe: Some(container::probe("/startupz", ports::SERVER_HEALTH, 1, STARTUP_SECONDS)),
        readiness_probe: Some(container::probe("/readyz", ports::SERVER_HEALTH, 1, 3)),
        liveness_probe: Some(container::probe("/livez", ports::SERVER_HEALTH, 10, 3)),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                sleep: Some(SleepAction { seconds: PRE_STOP_SECONDS }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        termination_message_policy: Some(container::LAST_WORDS.to_owned()),
        ..Container::default()
    }
}
