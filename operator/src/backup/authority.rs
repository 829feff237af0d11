//! Whether the Secret that a bucket names has authorities in it. Pure: a pod without them would say so too, but later and
//! to fewer.

use k8s_openapi::api::core::v1::Secret;
use kivi_backup::place::bucket::authorities;
use kivi_crds::{CaSecretRef, Destination};
use thiserror::Error;

/// Why a Secret has no authorities.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoAuthority {
    /// There is none.
    #[error("there is no Secret {0} with the authorities of the bucket's server; create it")]
    NotFound(String),
    /// It will not do.
    #[error("Secret {name} cannot be used: {reason}")]
    Unusable {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl NoAuthority {
    /// One word, as in a condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "SecretNotFound",
            Self::Unusable { .. } => "SecretInvalid",
        }
    }
}

/// Checks the Secret that a destination names; one that names none needs none.
///
/// # Errors
/// Says what is wrong with it.
pub fn check(destination: &Destination, found: Option<&Secret>) -> Result<(), NoAuthority> {
    let Some(named) = destination.ca_secret_ref() else { return Ok(()) };
    let secret = found.ok_or_else(|| NoAuthority::NotFound(named.name.clone()))?;
    let unusable = |reason| NoAuthority::Unusable { name: named.name.clone(), reason };
    let pem = value(named, secret).ok_or_else(|| unusable(format!("it has no {}", named.key())))?;
    authorities::read(pem).map(drop).map_err(|error| unusable(format!("{} {error}", named.key())))
}

fn value<'s>(named: &CaSecretRef, secret: &'s Secret) -> Option<&'s [u8]> {
    secret.data.as_ref()?.get(named.key()).map(|value| value.0.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{issued, secret};

    fn said(rest: &str, found: Option<&Secret>) -> Option<String> {
        let yaml = format!("{{s3: {{bucket: backups{rest}}}}}");
        let destination: Destination = serde_yaml::from_str(&yaml).unwrap();
        check(&destination, found).err().map(|error| format!("{}: {error}", error.reason()))
    }

    #[test]
    fn a_secret_has_the_authorities_that_a_bucket_names_or_it_is_told_why_not() {
        let pem = issued().authorities.active.certificate;
        let good = secret("minio", [("ca.crt", pem.as_str()), ("bad.crt", "nothing")]);
        assert_eq!(said("", None), None);
        assert_eq!(said(", caSecretRef: {name: minio}", Some(&good)), None);
        assert_eq!(
            said(", caSecretRef: {name: minio}", None).unwrap(),
            "SecretNotFound: there is no Secret minio with the authorities of the bucket's server; create it"
        );
        assert_eq!(
            said(", caSecretRef: {name: minio, key: tls.crt}", Some(&good)).unwrap(),
            "SecretInvalid: Secret minio cannot be used: it has no tls.crt"
        );
        assert_eq!(
            said(", caSecretRef: {name: minio, key: bad.crt}", Some(&good)).unwrap(),
            "SecretInvalid: Secret minio cannot be used: bad.crt holds no certificate"
        );
    }
}
