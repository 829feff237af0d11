//! The cluster's certificates: one CA, a certificate a component, the service-account key, and the
//! kubeconfigs that refer to them. Made once and kept until the cluster is taken down.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::{
    Layout,
    components::kubelet::NODE,
    error::ClusterError,
    kubeconfig::{self, Credentials},
    network::{KUBERNETES_SERVICE, NODE_ADDRESS},
    privilege,
};

/// Who a certificate speaks for.
struct Identity {
    /// The name of its files.
    file: &'static str,
    /// The user, in Kubernetes' reading of a client certificate.
    common_name: String,
    /// The group.
    organization: Option<&'static str>,
    /// Names and addresses it serves under; none for a mere client.
    serves: Vec<String>,
}

fn identities() -> Vec<Identity> {
    let client = |file, common_name: &str, organization| Identity {
        file,
        common_name: common_name.to_owned(),
        organization,
        serves: Vec::new(),
    };
    let api_names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];
    let api_addresses = ["127.0.0.1".to_owned(), NODE_ADDRESS.to_string(), KUBERNETES_SERVICE.to_string()];
    vec![
        client("admin", "kivi-admin", Some("system:masters")),
        client("apiserver-kubelet-client", "kube-apiserver-kubelet-client", Some("system:masters")),
        client("kube-controller-manager", "system:kube-controller-manager", None),
        client("kube-scheduler", "system:kube-scheduler", None),
        client("kube-proxy", "system:kube-proxy", None),
        client("coredns", "kivi:coredns", None),
        Identity {
            file: "kube-apiserver",
            common_name: "kube-apiserver".to_owned(),
            organization: None,
            serves: api_names.map(str::to_owned).into_iter().chain(api_addresses).collect(),
        },
        Identity {
            file: "kubelet",
            common_name: format!("system:node:{NODE}"),
            organization: Some("system:nodes"),
            serves: vec![NODE.to_owned(), NODE_ADDRESS.to_string()],
        },
    ]
}

/// Makes what is missing: all of it on the first start, nothing later.
pub(crate) fn ensure(layout: &Layout) -> Result<(), ClusterError> {
    if layout.pki().exists() {
        return Ok(());
    }
    let unfinished = layout.pki().with_extension("unfinished");
    create_private(&unfinished)?;
    let authority_key = KeyPair::generate()?;
    let authority = authority_params()?;
    let authority_pem = authority.self_signed(&authority_key)?.pem();
    write_private(&unfinished.join("ca.crt"), &authority_pem)?;
    write_private(&unfinished.join("ca.key"), &authority_key.serialize_pem())?;
    let issuer = Issuer::new(authority, authority_key);
    for identity in identities() {
        let key = KeyPair::generate()?;
        let certificate = params(&identity)?.signed_by(&key, &issuer)?.pem();
        write_private(&unfinished.join(format!("{}.crt", identity.file)), &certificate)?;
        write_private(&unfinished.join(format!("{}.key", identity.file)), &key.serialize_pem())?;
        let kubeconfig = kubeconfig::render(&credentials(layout, identity.file));
        write_private(&unfinished.join(format!("{}.kubeconfig", identity.file)), &kubeconfig)?;
    }
    let service_accounts = KeyPair::generate()?;
    write_private(&unfinished.join("service-account.key"), &service_accounts.serialize_pem())?;
    write_private(&unfinished.join("service-account.pub"), &service_accounts.public_key_pem())?;
    hand_out(layout, &unfinished)?;
    fs::rename(&unfinished, layout.pki()).map_err(ClusterError::io("name", layout.pki()))
}

/// Copies the administrator's credentials to where the person behind sudo reads them.
fn hand_out(layout: &Layout, made: &Path) -> Result<(), ClusterError> {
    let client = layout.client();
    create_private(&client)?;
    for name in ["ca.crt", "admin.crt", "admin.key"] {
        let pem = fs::read_to_string(made.join(name)).map_err(ClusterError::io("read", made.join(name)))?;
        write_private(&client.join(name), &pem)?;
    }
    let credentials = Credentials {
        authority: client.join("ca.crt"),
        certificate: client.join("admin.crt"),
        key: client.join("admin.key"),
    };
    write_private(&layout.kubeconfig(), &kubeconfig::render(&credentials))?;
    if let Some((user, group)) = privilege::invoker() {
        for name in ["", "ca.crt", "admin.crt", "admin.key", "kubeconfig"] {
            let path = client.join(name);
            chown(&path, Some(user), Some(group)).map_err(ClusterError::io("hand over", &path))?;
        }
    }
    Ok(())
}

fn credentials(layout: &Layout, name: &str) -> Credentials {
    Credentials {
        authority: layout.certificate("ca"),
        certificate: layout.certificate(name),
        key: layout.key(name),
    }
}

fn authority_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = dated(Vec::new(), "kivi-cluster", None)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

fn params(identity: &Identity) -> Result<CertificateParams, rcgen::Error> {
    let mut params = dated(identity.serves.clone(), &identity.common_name, identity.organization)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    if !identity.serves.is_empty() {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    }
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// Valid whatever this machine's clock says: the cluster's certificates live and die with its folder.
fn dated(
    serves: Vec<String>,
    name: &str,
    organization: Option<&str>,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(serves)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(organization) = organization {
        subject.push(DnType::OrganizationName, organization);
    }
    params.distinguished_name = subject;
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    Ok(params)
}

fn create_private(folder: &Path) -> Result<(), ClusterError> {
    fs::create_dir_all(folder).map_err(ClusterError::io("create", folder))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
        .map_err(ClusterError::io("protect", folder))
}

fn write_private(path: &Path, contents: &str) -> Result<(), ClusterError> {
    fs::write(path, contents).map_err(ClusterError::io("write", path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(ClusterError::io("protect", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_keeps_the_certificates_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        ensure(&layout).unwrap();
        let first = fs::read(layout.certificate("ca")).unwrap();
        ensure(&layout).unwrap();
        assert_eq!(fs::read(layout.certificate("ca")).unwrap(), first);
        assert_eq!(fs::read(layout.client().join("ca.crt")).unwrap(), first);
    }

    #[test]
    fn an_unfinished_first_start_is_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        fs::create_dir_all(layout.pki().with_extension("unfinished")).unwrap();
        ensure(&layout).unwrap();
        assert!(layout.key("service-account").exists());
    }

    #[test]
    fn keys_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::at(folder.path());
        ensure(&layout).unwrap();
        for path in [layout.pki(), layout.client(), layout.key("ca"), layout.kubeconfig()] {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", path.display());
        }
    }
}
