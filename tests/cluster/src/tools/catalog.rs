//! Which modules there are, what they are built from, and the key that follows from it.

use std::path::{Path, PathBuf};

use crate::digest::sha256_of_parts;

/// Linker flags of every build. Kubernetes says its version only when told, charts ask for it, and Helm
/// takes a cluster it does not see for one of 1.20.
pub(super) const LINKER_FLAGS: &str = "-s -w \
     -X k8s.io/component-base/version.gitVersion=v1.34.4 \
     -X k8s.io/component-base/version.gitMajor=1 \
     -X k8s.io/component-base/version.gitMinor=34 \
     -X k8s.io/client-go/pkg/version.gitVersion=v1.34.4 \
     -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 \
     -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=34";

/// A Go module whose programs are built together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// The components of Kubernetes, and kubectl.
    Kubernetes,
    /// etcd.
    Etcd,
    /// CoreDNS.
    CoreDns,
    /// Helm.
    Helm,
    /// Jaeger all-in-one, for tests of tracing; built when asked for.
    Jaeger,
    /// KWOK, which simulates nodes and their pods; built when asked for.
    Kwok,
    /// cert-manager's controller and the definitions of its resources, for tests of certificates; built when asked for.
    CertManager,
    /// The program of pods' sandboxes, and of network tests within pods.
    Probe,
    /// versitygw, an S3 server over a folder, for tests of backups; built when asked for.
    VersityGw,
}

/// What a module is built from.
pub(super) struct Source {
    /// Its name in messages and in the cache.
    pub(super) name: &'static str,
    /// Files of the module's folder, by name.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// The pattern that `go build` is given: the module's tools, or the module itself.
    pub(super) pattern: &'static str,
    /// Programs, as Go names them and as they are called here.
    pub(super) programs: &'static [(&'static str, &'static str)],
    /// Files of a module that are put beside the programs: the module's path, and theirs in it.
    pub(super) beside: &'static [(&'static str, &'static str)],
    /// A first build on two cores, in minutes, for the message.
    pub(super) minutes: &'static str,
}

macro_rules! pinned {
    ($name:literal) => {
        &[
            ("go.mod", include_str!(concat!("../../tools/", $name, "/go.mod"))),
            ("go.sum", include_str!(concat!("../../tools/", $name, "/go.sum"))),
        ]
    };
}

const KUBERNETES: Source = Source {
    name: "kubernetes",
    files: pinned!("kubernetes"),
    pattern: "tool",
    programs: &[
        ("kube-apiserver", "kube-apiserver"),
        ("kube-controller-manager", "kube-controller-manager"),
        ("kube-proxy", "kube-proxy"),
        ("kube-scheduler", "kube-scheduler"),
        ("kubectl", "kubectl"),
        ("kubelet", "kubelet"),
    ],
    beside: &[],
    minutes: "6 to 9 minutes",
};
const ETCD: Source = Source {
    name: "etcd",
    files: pinned!("etcd"),
    pattern: "tool",
    programs: &[("server", "etcd")],
    beside: &[],
    minutes: "1 minute",
};
const COREDNS: Source = Source {
    name: "coredns",
    files: pinned!("coredns"),
    pattern: "tool",
    programs: &[("coredns", "coredns")],
    beside: &[],
    minutes: "2 minutes",
};
const HELM: Source = Source {
    name: "helm",
    files: pinned!("helm"),
    pattern: "tool",
    programs: &[("helm", "helm")],
    beside: &[],
    minutes: "1 minute",
};
const JAEGER: Source = Source {
    name: "jaeger",
    files: pinned!("jaeger"),
    pattern: "tool",
    programs: &[("all-in-one", "jaeger")],
    beside: &[],
    minutes: "2 to 5 minutes",
};
const KWOK: Source = Source {
    name: "kwok",
    files: pinned!("kwok"),
    pattern: "tool",
    programs: &[("kwok", "kwok")],
    minutes: "2 to 5 minutes",
    beside: &[],
};
const VERSITYGW: Source = Source {
    name: "versitygw",
    files: pinned!("versitygw"),
    pattern: "tool",
    programs: &[("versitygw", "versitygw")],
    beside: &[],
    minutes: "2 to 5 minutes",
};
const CERT_MANAGER: Source = Source {
    name: "cert-manager",
    files: pinned!("cert-manager"),
    pattern: "tool",
    programs: &[("controller", "cert-manager")],
    beside: &[
        ("github.com/cert-manager/cert-manager", "deploy/crds/crd-certificaterequests.yaml"),
        ("github.com/cert-manager/cert-manager", "deploy/crds/crd-certificates.yaml"),
        ("github.com/cert-manager/cert-manager", "deploy/crds/crd-challenges.yaml"),
        ("github.com/cert-manager/cert-manager", "deploy/crds/crd-clusterissuers.yaml"),
        ("github.com/cert-manager/cert-manager", "deploy/crds/crd-issuers.yaml"),
        ("github.com/cert-manager/cert-manager", "deploy/crds/crd-orders.yaml"),
    ],
    minutes: "3 minutes",
};
const PROBE: Source = Source {
    name: "probe",
    files: &[
        ("go.mod", include_str!("../../tools/probe/go.mod")),
        ("main.go", include_str!("../../tools/probe/main.go")),
    ],
    pattern: ".",
    programs: &[("probe", "probe")],
    beside: &[],
    minutes: "seconds",
};

impl Module {
    /// All modules.
    pub const ALL: [Self; 9] = [
        Self::Kubernetes,
        Self::Etcd,
        Self::CoreDns,
        Self::Helm,
        Self::Jaeger,
        Self::CertManager,
        Self::Kwok,
        Self::Probe,
        Self::VersityGw,
    ];
    /// What a running cluster is made of, and what is needed to install into it.
    pub const CLUSTER: [Self; 5] = [Self::Probe, Self::Etcd, Self::CoreDns, Self::Helm, Self::Kubernetes];

    /// The module that has a tool of this name.
    pub fn of_tool(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|module| module.tools().any(|tool| tool == name))
    }

    /// The names of its tools.
    pub fn tools(self) -> impl Iterator<Item = &'static str> {
        self.source().programs.iter().map(|(_, name)| *name)
    }

    /// Where its programs are once built.
    pub(super) fn folder(self, cache: &Path) -> PathBuf {
        let source = self.source();
        cache.join("tools").join(format!("{}-{}", source.name, key(source)))
    }

    pub(super) fn source(self) -> &'static Source {
        match self {
            Self::Kubernetes => &KUBERNETES,
            Self::Etcd => &ETCD,
            Self::CoreDns => &COREDNS,
            Self::Helm => &HELM,
            Self::Jaeger => &JAEGER,
            Self::Kwok => &KWOK,
            Self::CertManager => &CERT_MANAGER,
            Self::Probe => &PROBE,
            Self::VersityGw => &VERSITYGW,
        }
    }
}

/// Short hash of all that the result depends on.
fn key(source: &Source) -> String {
    let names = source.programs.iter().chain(source.beside).flat_map(|(one, other)| [*one, *other]);
    let files = source.files.iter().flat_map(|(name, contents)| [*name, *contents]);
    let parts = [LINKER_FLAGS, std::env::consts::ARCH, source.pattern].into_iter().chain(names).chain(files);
    let mut key = sha256_of_parts(parts);
    key.truncate(12);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Source = Source {
        name: "a",
        files: &[("go.mod", "1"), ("go.sum", "2")],
        pattern: "tool",
        programs: &[],
        beside: &[],
        minutes: "",
    };

    #[test]
    fn the_key_changes_with_each_file_and_only_then() {
        let same = Source { minutes: "an hour", ..PLAIN };
        let other = Source { files: &[("go.mod", "1"), ("go.sum", "3")], ..PLAIN };
        let shifted = Source { files: &[("go.mod", "1g"), ("o.sum", "2")], ..PLAIN };
        assert_eq!(key(&PLAIN), key(&same));
        assert_ne!(key(&PLAIN), key(&other));
        assert_ne!(key(&PLAIN), key(&shifted));
    }

    #[test]
    fn each_tool_is_found_in_its_module() {
        assert_eq!(Module::of_tool("kubectl"), Some(Module::Kubernetes));
        assert_eq!(Module::of_tool("jaeger"), Some(Module::Jaeger));
        assert_eq!(Module::of_tool("all-in-one"), None);
    }
}
