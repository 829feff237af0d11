//! What the operator may do: exactly the calls it makes, and namespaced where it manages one namespace.

use std::collections::BTreeSet;

use serde_yaml::Value;

use crate::helm::{Rendered, strings, template};

/// The calls of the operator, by group and resource. A verb more in the chart is a right too many; one less is a 403.
const CALLS: [(&str, &str, &[&str]); 21] = [
    ("kivi.dev", "keyvaluestores", &["get", "list", "watch"]),
    ("kivi.dev", "keyvaluestores/status", &["patch"]),
    ("kivi.dev", "keyvaluestorebackups", &["list", "watch", "create", "delete"]),
    ("kivi.dev", "keyvaluestorebackups/status", &["patch"]),
    ("batch", "jobs", &["get", "list", "watch", "create"]),
    ("batch", "cronjobs", &["get", "list", "watch", "create", "patch", "delete"]),
    ("", "secrets", &["get", "list", "watch", "create", "patch", "delete"]),
    ("", "configmaps", &["list", "watch", "create", "patch", "delete"]),
    ("", "services", &["list", "watch", "create", "patch", "delete"]),
    ("", "serviceaccounts", &["list", "watch", "create", "patch", "delete"]),
    ("policy", "poddisruptionbudgets", &["list", "watch", "create", "patch", "delete"]),
    ("networking.k8s.io", "networkpolicies", &["list", "watch", "create", "patch", "delete"]),
    ("networking.k8s.io", "ingresses", &["list", "watch", "create", "patch", "delete"]),
    ("", "persistentvolumeclaims", &["list", "watch", "patch"]),
    ("apps", "statefulsets", &["get", "list", "watch", "create", "patch", "delete"]),
    ("", "pods", &["list", "watch"]),
    ("events.k8s.io", "events", &["list", "create", "patch"]),
    ("cert-manager.io", "certificates", &["list", "create", "patch", "delete"]),
    ("monitoring.coreos.com", "servicemonitors", &["list", "create", "patch", "delete"]),
    ("gateway.networking.k8s.io", "httproutes", &["list", "create", "patch", "delete"]),
    ("gateway.networking.k8s.io", "backendtlspolicies", &["list", "create", "patch", "delete"]),
];

type Rights<'a> = BTreeSet<(&'a str, &'a str, &'a str)>;

fn calls() -> Rights<'static> {
    let call = |(group, resource, verbs): &(&'static str, &'static str, &'static [&'static str])| {
        let (group, resource) = (*group, *resource);
        verbs.iter().map(move |verb| (group, resource, *verb)).collect::<Vec<_>>()
    };
    CALLS.iter().flat_map(call).collect()
}

fn rights(role: &Value) -> Rights<'_> {
    let mut rights = Rights::new();
    for rule in role["rules"].as_sequence().unwrap() {
        for group in strings(&rule["apiGroups"]) {
            for resource in strings(&rule["resources"]) {
                rights.extend(strings(&rule["verbs"]).into_iter().map(|verb| (group, resource, verb)));
            }
        }
    }
    rights
}

/// The roles that are bound to the operator, rather than offered to users, less the one for its own Lease.
fn own_roles(rendered: &Rendered) -> Vec<&Value> {
    let mut roles = rendered.all("ClusterRole");
    roles.extend(rendered.all("Role"));
    roles.retain(|role| {
        let labels = role["metadata"]["labels"].as_mapping().unwrap();
        let leases = role["metadata"]["name"].as_str().unwrap().ends_with("-leases");
        !leases && !labels.keys().filter_map(Value::as_str).any(|key| key.contains("/aggregate-to-"))
    });
    roles
}

#[test]
fn the_operator_may_do_what_it_does_and_nothing_else() {
    for (values, count) in
        [(&[][..], 1), (&["watchNamespaces={shop}"], 1), (&["watchNamespaces={shop,crew}"], 2)]
    {
        let rendered = template(values);
        let roles = own_roles(&rendered);
        assert_eq!(roles.len(), count);
        for role in roles {
            assert_eq!(rights(role), calls());
        }
    }
}

#[test]
fn the_election_needs_one_lease_in_the_operators_own_namespace() {
    for values in [&[][..], &["watchNamespaces={shop}"]] {
        let rendered = template(values);
        let role = *rendered.all("Role").iter().find(|role| named(role, "kivi-operator-leases")).unwrap();
        assert_eq!(role["metadata"]["namespace"], "kivi-system");
        let lease = |verb| ("coordination.k8s.io", "leases", verb);
        assert_eq!(rights(role), ["create", "get", "update"].map(lease).into());
        assert!(role["rules"][0].get("resourceNames").is_none(), "what is made cannot be named");
        assert_eq!(strings(&role["rules"][1]["resourceNames"]), ["kivi-operator"]);
        let bindings = rendered.all("RoleBinding");
        let binding = bindings.iter().find(|binding| named(binding, "kivi-operator-leases")).unwrap();
        assert_eq!(binding["metadata"]["namespace"], "kivi-system");
        assert_eq!(binding["roleRef"]["name"], "kivi-operator-leases");
        assert_eq!(binding["subjects"][0]["name"], "kivi-operator");
    }
}

fn named(object: &Value, name: &str) -> bool {
    object["metadata"]["name"] == name
}

#[test]
fn no_role_holds_a_wildcard() {
    for values in [&[][..], &["watchNamespaces={shop}"]] {
        let rendered = template(values);
        for role in rendered.all("ClusterRole").into_iter().chain(rendered.all("Role")) {
            assert!(!serde_yaml::to_string(&role["rules"]).unwrap().contains('*'), "{role:?}");
        }
    }
}

#[test]
fn watched_namespaces_need_nothing_cluster_wide() {
    let rendered = template(&["watchNamespaces={shop,crew}"]);
    assert!(rendered.all("ClusterRole").is_empty() && rendered.all("ClusterRoleBinding").is_empty());
    for kind in ["Role", "RoleBinding"] {
        let mut objects = rendered.all(kind);
        objects.retain(|object| named(object, "kivi-operator"));
        let namespaces = objects.iter().map(|object| object["metadata"]["namespace"].as_str().unwrap());
        assert_eq!(namespaces.collect::<Vec<_>>(), ["shop", "crew"], "{kind}");
        if kind == "RoleBinding" {
            assert!(objects.iter().all(|binding| binding["subjects"][0]["namespace"] == "kivi-system"));
        }
    }
    let pod = &rendered.one("Deployment")["spec"]["template"]["spec"];
    assert!(strings(&pod["containers"][0]["args"]).contains(&"--watch-namespaces=shop,crew"));
}

#[test]
fn the_binding_names_the_role_and_the_pods_own_account() {
    for (values, binding, role) in [
        (&["serviceAccount.name=mine"][..], "ClusterRoleBinding", "ClusterRole"),
        (&["watchNamespaces={shop}", "serviceAccount.name=mine"], "RoleBinding", "Role"),
    ] {
        let rendered = template(values);
        let bindings = rendered.all(binding);
        let binding = bindings.iter().find(|binding| !named(binding, "kivi-operator-leases")).unwrap();
        assert_eq!(binding["roleRef"]["kind"], role);
        assert_eq!(binding["roleRef"]["name"], own_roles(&rendered)[0]["metadata"]["name"]);
        assert_eq!(binding["subjects"][0]["name"], "mine");
        let pod = &rendered.one("Deployment")["spec"]["template"]["spec"];
        assert_eq!(pod["serviceAccountName"], "mine");
    }
}

#[test]
fn users_get_stores_through_the_clusters_own_roles() {
    let rendered = template(&[]);
    for (role, verbs) in [
        ("view", &["get", "list", "watch"][..]),
        ("edit", &["create", "update", "patch", "delete"]),
        ("admin", &["deletecollection"]),
    ] {
        let label = format!("rbac.authorization.k8s.io/aggregate-to-{role}");
        let found: Vec<_> = rendered
            .all("ClusterRole")
            .into_iter()
            .filter(|found| found["metadata"]["labels"][label.as_str()] == "true")
            .collect();
        assert_eq!(found.len(), 1, "{role}");
        assert_eq!(strings(&found[0]["rules"][0]["verbs"]), verbs);
    }
    assert_eq!(template(&["rbac.aggregateClusterRoles=false"]).all("ClusterRole").len(), 1);
    assert!(template(&["rbac.create=false"]).all("ClusterRole").is_empty());
}
