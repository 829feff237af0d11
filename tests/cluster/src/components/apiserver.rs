//! kube-apiserver.

use super::{Daemon, etcd};
use crate::{
    Layout,
    network::{API_PORT, NODE_ADDRESS, SERVICE_RANGE},
    tools::Binaries,
};

pub(super) fn daemon(layout: &Layout, binaries: &Binaries) -> Daemon {
    let authority = layout.certificate("ca");
    let flag = |name: &str, value: &dyn std::fmt::Display| format!("--{name}={value}");
    Daemon {
        program: binaries.kubernetes("kube-apiserver"),
        arguments: vec![
            flag("etcd-servers", &etcd::URL),
            flag("advertise-address", &NODE_ADDRESS),
            flag("secure-port", &API_PORT),
            flag("service-cluster-ip-range", &SERVICE_RANGE),
            flag("authorization-mode", &"Node,RBAC"),
            flag("enable-admission-plugins", &"NodeRestriction"),
            flag("allow-privileged", &true),
            flag("client-ca-file", &authority.display()),
            flag("tls-cert-file", &layout.certificate("kube-apiserver").display()),
            flag("tls-private-key-file", &layout.key("kube-apiserver").display()),
            flag("kubelet-certificate-authority", &authority.display()),
            flag("kubelet-client-certificate", &layout.certificate("apiserver-kubelet-client").display()),
            flag("kubelet-client-key", &layout.key("apiserver-kubelet-client").display()),
            // By its name the node is unknown to this machine's resolver: logs and exec would fail.
            flag("kubelet-preferred-address-types", &"InternalIP"),
            flag("service-account-issuer", &"https://kubernetes.default.svc.cluster.local"),
            flag("service-account-key-file", &layout.pki().join("service-account.pub").display()),
            flag("service-account-signing-key-file", &layout.key("service-account").display()),
        ],
        files: Vec::new(),
    }
}
