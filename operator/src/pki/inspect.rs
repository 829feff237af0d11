//! What a pair is: its names, its end, and whether its parts belong together.

use std::net::IpAddr;

use jiff::Timestamp;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::pair::{Pair, PkiError};

/// What a pair is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// DNS names and addresses of its certificate, sorted.
    pub names: Vec<String>,
    /// When its certificate begins.
    pub not_before: Timestamp,
    /// When its certificate ends.
    pub not_after: Timestamp,
}

/// Reads a pair, and checks that the key is the certificate's.
///
/// # Errors
/// Says which part cannot be used.
pub fn inspect(pair: &Pair) -> Result<Inspected, PkiError> {
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| PkiError::Certificate(error.to_string()))?;
    let Some(first) = chain.first().cloned() else {
        return Err(PkiError::Certificate("it holds none".to_owned()));
    };
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes())
        .map_err(|error| PkiError::Key(error.to_string()))?;
    let key = any_supported_type(&key).map_err(|error| PkiError::Key(error.to_string()))?;
    let (_, certificate) =
        X509Certificate::from_der(&first).map_err(|error| PkiError::Certificate(error.to_string()))?;
    CertifiedKey::new(chain, key).keys_match().map_err(|_| PkiError::Mismatch)?;
    let mut names = certificate
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|extension| extension.value.general_names.iter().filter_map(name).collect::<Vec<_>>())
        .unwrap_or_default();
    names.sort();
    let time = |seconds: i64| {
        Timestamp::from_second(seconds).map_err(|error| PkiError::Certificate(error.to_string()))
    };
    let validity = certificate.validity();
    Ok(Inspected {
        names,
        not_before: time(validity.not_before.timestamp())?,
        not_after: time(validity.not_after.timestamp())?,
    })
}

/// Whether the key of the authority with this certificate signed the leaf's.
pub fn signed_by(leaf: &Pair, authority: &str) -> bool {
    let der = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).ok();
    let (Some(leaf), Some(authority)) = (der(&leaf.certificate), der(authority)) else {
        return false;
    };
    let (Ok((_, leaf)), Ok((_, authority))) =
        (X509Certificate::from_der(&leaf), X509Certificate::from_der(&authority))
    else {
        return false;
    };
    leaf.verify_signature(Some(authority.public_key())).is_ok()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => match *octets {
            &[a, b, c, d] => Some(IpAddr::from([a, b, c, d]).to_string()),
            octets => <[u8; 16]>::try_from(octets).ok().map(|octets| IpAddr::from(octets).to_string()),
        },
        _ => None,
    }
}
