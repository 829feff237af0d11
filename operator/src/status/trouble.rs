//! Why a store's pods are not up, as far as the cluster knows. Pure.
//!
//! A message holds nothing that changes while the trouble stays the same, such as the number of restarts:
//! each change would be a write.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;

use super::seen::Seen;

/// Why a store's pods are not up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// One word, as in a condition.
    pub(crate) reason: &'static str,
    /// A sentence.
    pub(crate) message: String,
    /// Whether it will not go away by itself.
    pub(crate) needs_human: bool,
}

/// What keeps a pod from being up; what comes first in a pod's life is told first.
pub(crate) fn find(seen: &Seen) -> Option<Trouble> {
    let complaint = seen.complaint.as_ref().map(|complaint| {
        let note = complaint.note.trim_end_matches('.');
        let (reason, message) = match &complaint.claim {
            Some(claim) => {
                ("VolumeNotProvisioned", format!("Volume claim {claim} waits for a volume: {note}."))
            }
            None => ("PodNotCreated", format!("A pod cannot be created: {note}.")),
        };
        Trouble { reason, message, needs_human: true }
    });
    complaint.or_else(|| seen.pods.iter().find_map(of_pod))
}

fn of_pod(pod: &Pod) -> Option<Trouble> {
    if let Some(lost) = lost_node(pod) {
        return Some(lost);
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let name = pod.name_any();
    let status = pod.status.as_ref()?;
    let unscheduled =
        status.conditions.iter().flatten().find(|c| c.type_ == "PodScheduled" && c.status == "False");
    if let Some(condition) = unscheduled {
        let why = condition.message.as_deref().or(condition.reason.as_deref()).unwrap_or("no node fits");
        let message = format!("Pod {name} has no node: {}.", why.trim_end_matches('.'));
        // A volume that is being made and a cluster that grows look the same: both pass.
        return Some(Trouble { reason: "PodUnschedulable", message, needs_human: false });
    }
    let init = status.init_container_statuses.iter().flatten();
    init.chain(status.container_statuses.iter().flatten())
        .find_map(|container| of_container(&name, container))
}

/// A pod whose node does not answer. Its containers are as the kubelet last told; only the pod's own readiness
/// was taken from it, by the controller of nodes. Nothing but that controller makes the two differ, where there are
/// no readiness gates. A StatefulSet makes no other pod while this one may still run and write.
fn lost_node(pod: &Pod) -> Option<Trouble> {
    let (spec, status) = (pod.spec.as_ref()?, pod.status.as_ref()?);
    let is = |type_: &str, value: &str| {
        status.conditions.iter().flatten().any(|c| c.type_ == type_ && c.status == value)
    };
    let gates = spec.readiness_gates.as_ref().is_some_and(|gates| !gates.is_empty());
    if gates || !is("Ready", "False") || !is("ContainersReady", "True") {
        return None;
    }
    let (name, node) = (pod.name_any(), spec.node_name.as_deref()?);
    let message = format!(
        "Node {node} of pod {name} does not answer. If it does not come back, delete it, or once it is off taint it with node.kubernetes.io/out-of-service=:NoExecute: the pod then moves, if its volume can."
    );
    Some(Trouble { reason: "NodeLost", message, needs_human: true })
}

fn of_container(pod: &str, status: &ContainerStatus) -> Option<Trouble> {
    let container = &status.name;
    let waiting = status.state.as_ref().and_then(|state| state.waiting.as_ref());
    let word = waiting.and_then(|waiting| waiting.reason.as_deref()).unwrap_or_default();
    let (reason, message) = match word {
        // The kubelet's own words change between a try and the pause after it.
        "ErrImagePull" | "ImagePullBackOff" | "ErrImageNeverPull" | "InvalidImageName" => {
            let image = &status.image;
            (
                "ImagePullFailed",
                format!("Pod {pod}: image {image} of container {container} cannot be pulled."),
            )
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            let why = waiting.and_then(|waiting| waiting.message.as_deref()).unwrap_or(word);
            let why = why.trim_end_matches('.');
            ("ContainerNotStarted", format!("Pod {pod}: container {container} cannot be started: {why}."))
        }
        _ if word == "CrashLoopBackOff" || fails_again(status) => (
            "ContainerFails",
            format!("Pod {pod}: container {container} ends at each start{}.", last_words(status)),
        ),
        _ => return None,
    };
    Some(Trouble { reason, message, needs_human: true })
}

/// Between two pauses of a crash loop the container runs for a moment; its trouble is not over.
fn fails_again(status: &ContainerStatus) -> bool {
    !status.ready && status.restart_count > 1 && last_end(status).is_some_and(|end| end.exit_code != 0)
}

fn last_end(status: &ContainerStatus) -> Option<&k8s_openapi::api::core::v1::ContainerStateTerminated> {
    let now = status.state.as_ref().and_then(|state| state.terminated.as_ref());
    now.or_else(|| status.last_state.as_ref()?.terminated.as_ref())
}

/// How it ended; the last line of its log, which the kubelet keeps, says why.
fn last_words(status: &ContainerStatus) -> String {
    let Some(end) = last_end(status) else { return String::new() };
    let lines = end.message.as_deref().unwrap_or_default().lines();
    let line = lines.map(str::trim).rfind(|line| !line.is_empty());
    match (line, end.reason.as_deref()) {
        (Some(line), _) => format!(", with exit code {}: {}", end.exit_code, line.trim_end_matches('.')),
        (None, Some("OOMKilled")) => ": its memory limit is too low for it".to_owned(),
        (None, _) => format!(", with exit code {}", end.exit_code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::seen::Complaint;

    fn pods(status: &str) -> Seen {
        let pod = format!("{{metadata: {{name: orders-0}}, status: {status}}}");
        Seen { pods: vec![serde_yaml::from_str(&pod).unwrap()], ..Seen::default() }
    }

    fn container(kind: &str, state: &str) -> Seen {
        pods(&format!(
            "{{{kind}: [{{name: server, image: reg/server:1, imageID: '', ready: false, restartCount: 2, {state}}}]}}"
        ))
    }

    fn told(seen: &Seen) -> (&'static str, String, bool) {
        let trouble = find(seen).unwrap();
        (trouble.reason, trouble.message, trouble.needs_human)
    }

    #[test]
    fn each_trouble_of_a_pod_is_a_sentence() {
        let scheduled =
            "{conditions: [{type: PodScheduled, status: 'False', message: '0/1 nodes are available.'}]}";
        let message = "Pod orders-0 has no node: 0/1 nodes are available.".to_owned();
        assert_eq!(told(&pods(scheduled)), ("PodUnschedulable", message, false));

        // The try and the pause are one trouble, or each would be a write.
        let message = "Pod orders-0: image reg/server:1 of container server cannot be pulled.".to_owned();
        for word in ["ErrImagePull", "ImagePullBackOff"] {
            let seen = container("initContainerStatuses", &format!("state: {{waiting: {{reason: {word}}}}}"));
            assert_eq!(told(&seen), ("ImagePullFailed", message.clone(), true));
        }

        let end = "{terminated: {exitCode: 1, message: \"starting\\nlog.000: corrupt at offset 12.\\n\"}}";
        let message = "Pod orders-0: container server ends at each start, with exit code 1: log.000: corrupt at offset 12.";
        for state in ["{waiting: {reason: CrashLoopBackOff}}", "{running: {}}"] {
            let seen = container("containerStatuses", &format!("state: {state}, lastState: {end}"));
            assert_eq!(told(&seen), ("ContainerFails", message.to_owned(), true), "{state}");
        }
    }

    #[test]
    fn a_node_that_does_not_answer_is_named_also_when_its_pod_should_leave() {
        let pod = |ready: &str, containers: &str, more: &str| {
            let conditions = format!(
                "[{{type: Ready, status: '{ready}'}}, {{type: ContainersReady, status: '{containers}'}}]"
            );
            let yaml = format!(
                "{{metadata: {{name: orders-0}}, spec: {{nodeName: one, containers: []{more}}}, status: {{conditions: {conditions}}}}}"
            );
            Seen { pods: vec![serde_yaml::from_str(&yaml).unwrap()], ..Seen::default() }
        };
        let mut lost = pod("False", "True", "");
        let (reason, message, needs_human) = told(&lost);
        assert_eq!((reason, needs_human), ("NodeLost", true));
        assert!(message.starts_with("Node one of pod orders-0 does not answer."), "{message}");
        lost.pods[0].metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(crate::test_support::now()));
        assert_eq!(told(&lost).0, "NodeLost");
        let others = vec![
            pod("False", "False", ""),
            pod("True", "True", ""),
            pod("False", "True", ", readinessGates: [{conditionType: a/b}]"),
        ];
        for other in others {
            assert_eq!(find(&other), None);
        }
    }

    #[test]
    fn a_pod_on_its_way_is_no_trouble() {
        for state in [
            "{waiting: {reason: PodInitializing}}",
            "{waiting: {reason: ContainerCreating}}",
            "{running: {}}",
        ] {
            assert_eq!(find(&container("containerStatuses", &format!("state: {state}"))), None, "{state}");
        }
        let mut leaving = container("containerStatuses", "state: {waiting: {reason: ErrImagePull}}");
        leaving.pods[0].metadata.deletion_timestamp =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(crate::test_support::now()));
        assert_eq!(find(&leaving), None);
    }

    #[test]
    fn what_controllers_complain_of_comes_first() {
        let seen = |claim: Option<&str>| Seen {
            complaint: Some(Complaint { claim: claim.map(str::to_owned), note: "no.".to_owned() }),
            ..pods("{conditions: [{type: PodScheduled, status: 'False'}]}")
        };
        let volume = "Volume claim log-orders-0 waits for a volume: no.".to_owned();
        assert_eq!(told(&seen(Some("log-orders-0"))), ("VolumeNotProvisioned", volume, true));
        assert_eq!(told(&seen(None)), ("PodNotCreated", "A pod cannot be created: no.".to_owned(), true));
    }
}
