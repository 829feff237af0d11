//! Which pod answers, and where. Pure.

use k8s_openapi::api::core::v1::{ContainerPort, Pod};

/// Where a store's pod serves its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientPort {
    /// Its TCP port.
    pub(crate) number: u16,
    /// Whether it speaks TLS.
    pub(crate) tls: bool,
}

/// Whether the pod is ready, and stays: one that is being deleted closes its doors any moment.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    pod.metadata.deletion_timestamp.is_none()
        && conditions
            .into_iter()
            .flatten()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// The port for clients: named `https`, or `http` where TLS is disabled; of the sidecar, or of the server
/// where there is no sidecar.
pub(crate) fn client_port(pod: &Pod) -> Option<ClientPort> {
    let spec = pod.spec.as_ref()?;
    let containers = || spec.init_containers.iter().flatten().chain(&spec.containers);
    let named = |name: &str| {
        containers()
            .flat_map(|container| container.ports.iter().flatten())
            .find(|port| port.name.as_deref() == Some(name))
            .and_then(number)
    };
    let tls = named("https").map(|number| ClientPort { number, tls: true });
    tls.or_else(|| named("http").map(|number| ClientPort { number, tls: false }))
}

fn number(port: &ContainerPort) -> Option<u16> {
    u16::try_from(port.container_port).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(text: &str) -> Pod {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn the_sidecars_port_is_found_among_the_init_containers() {
        let with_sidecar = pod(
            "spec: {initContainers: [{name: sidecar, ports: [{name: sidecar-health, containerPort: 8091}, {name: https, containerPort: 8443}]}], containers: [{name: server, ports: [{name: server-health, containerPort: 8081}]}]}",
        );
        assert_eq!(client_port(&with_sidecar), Some(ClientPort { number: 8443, tls: true }));
        let plain = pod("spec: {containers: [{name: server, ports: [{name: http, containerPort: 8443}]}]}");
        assert_eq!(client_port(&plain), Some(ClientPort { number: 8443, tls: false }));
        assert_eq!(client_port(&pod("spec: {containers: []}")), None);
    }

    #[test]
    fn a_pod_that_is_leaving_is_not_ready() {
        let ready = pod("status: {conditions: [{type: Ready, status: 'True'}]}");
        assert!(is_ready(&ready));
        assert!(!is_ready(&pod("status: {conditions: [{type: Ready, status: 'False'}]}")));
        let leaving = pod(
            "{metadata: {deletionTimestamp: '2026-11-22T10:00:00Z'}, status: {conditions: [{type: Ready, status: 'True'}]}}",
        );
        assert!(!is_ready(&leaving));
    }
}
