//! Security contexts that keep a pod within the restricted profile of the Pod Security Standards, if they are laid over one
//! that does: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.

use serde_json::{Map, Value};

use crate::validate::error::{ValidationError, refused};

/// Fields that the profile does not speak of, or allows.
const FREE: [&str; 7] = [
    "fsGroup",
    "fsGroupChangePolicy",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "seLinuxChangePolicy",
    "supplementalGroups",
    "supplementalGroupsPolicy",
];
const SELINUX_TYPES: [&str; 5] =
    ["", "container_engine_t", "container_init_t", "container_kvm_t", "container_t"];
const SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
];

/// Refuses a security context of a pod or a container that would break the profile.
pub(super) fn security(path: &str, object: &Map<String, Value>) -> Result<(), ValidationError> {
    let Some(context) = object.get("securityContext").and_then(Value::as_object) else {
        return Ok(());
    };
    match context.iter().find(|(field, value)| !is_restricted(field, value)) {
        Some((field, _)) => Err(refused(
            format!("{path}.securityContext.{field}"),
            "a store's pods keep within the restricted profile of the Pod Security Standards",
        )),
        None => Ok(()),
    }
}

/// Whether this field may have this value. What is not known may not be there.
fn is_restricted(field: &str, value: &Value) -> bool {
    match field {
        "allowPrivilegeEscalation" | "privileged" => value != true,
        "runAsNonRoot" => value != false,
        "runAsUser" => value != 0,
        "procMount" => value == "Default",
        "capabilities" => capabilities(value),
        "seccompProfile" | "appArmorProfile" => value["type"] != "Unconfined",
        "seLinuxOptions" => {
            let text = |name: &str| value[name].as_str().unwrap_or_default();
            text("user").is_empty() && text("role").is_empty() && SELINUX_TYPES.contains(&text("type"))
        }
        "sysctls" => items(value).all(|one| one["name"].as_str().is_some_and(|name| SYSCTLS.contains(&name))),
        _ => FREE.contains(&field),
    }
}

fn capabilities(value: &Value) -> bool {
    let dropped = &value["drop"];
    items(&value["add"]).all(|one| one == "NET_BIND_SERVICE")
        && (dropped.is_null() || items(dropped).any(|one| one == "ALL"))
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
