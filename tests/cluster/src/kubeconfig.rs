//! Kubeconfig files: rendered, and chosen by the environment.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::{
    Layout,
    network::{API_PORT, NODE_ADDRESS},
};

/// The files that make a client of the API server.
pub(crate) struct Credentials {
    /// The CA's certificate.
    pub(crate) authority: PathBuf,
    /// The client's certificate.
    pub(crate) certificate: PathBuf,
    /// The client's private key.
    pub(crate) key: PathBuf,
}

/// A kubeconfig that refers to these files.
pub(crate) fn render(credentials: &Credentials) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "kivi", "cluster": {
            "server": format!("https://{NODE_ADDRESS}:{API_PORT}"),
            "certificate-authority": credentials.authority,
        } }],
        "users": [{ "name": "kivi", "user": {
            "client-certificate": credentials.certificate,
            "client-key": credentials.key,
        } }],
        "contexts": [{ "name": "kivi", "context": { "cluster": "kivi", "user": "kivi" } }],
        "current-context": "kivi",
    });
    format!("{config:#}\n")
}

/// The kubeconfig of another cluster, if the environment names one. The local cluster's own is not another.
pub(crate) fn external(variable: Option<OsString>, layout: &Layout) -> Option<PathBuf> {
    let path = PathBuf::from(variable.filter(|value| !value.is_empty())?);
    (path != layout.kubeconfig()).then_some(path)
}

/// The line that makes a shell's kubectl talk to the cluster.
pub(crate) fn export(path: &Path) -> String {
    format!("export KUBECONFIG={}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_kubeconfig_is_not_another_cluster() {
        let layout = Layout::at("/state");
        assert_eq!(external(Some(layout.kubeconfig().into()), &layout), None);
        assert_eq!(external(Some("".into()), &layout), None);
        assert_eq!(external(None, &layout), None);
        assert_eq!(external(Some("/home/me/config".into()), &layout), Some("/home/me/config".into()));
    }

    #[test]
    fn a_client_is_given_its_files_and_the_address_that_host_and_pods_reach() {
        let credentials =
            Credentials { authority: "/ca.crt".into(), certificate: "/me.crt".into(), key: "/me.key".into() };
        let config: serde_json::Value = serde_json::from_str(&render(&credentials)).unwrap();
        assert_eq!(config["clusters"][0]["cluster"]["server"], "https://198.18.255.2:6443");
        assert_eq!(config["clusters"][0]["cluster"]["certificate-authority"], "/ca.crt");
        assert_eq!(config["users"][0]["user"]["client-key"], "/me.key");
    }
}
