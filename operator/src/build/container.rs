//! What the containers of a pod have in common: how they are bounded and probed, and what the one at the clients' port reads.

use k8s_openapi::api::core::v1::{
    Capabilities, ContainerPort, HTTPGetAction, Probe, SecurityContext, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::ports::CLIENT_PORT;
use super::volumes::{TLS, TOKENS, mount};
use crate::model::Store;

/// A container that fails leaves the end of its log in its status: why a store does not start is seen
/// without a log.
pub(crate) const LAST_WORDS: &str = "FallbackToLogsOnError";

/// The security context of both containers.
pub(crate) fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), ..Capabilities::default() }),
        ..SecurityContext::default()
    }
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
