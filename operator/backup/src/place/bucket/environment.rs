//! What the environment says of a bucket: the `AWS_` variables that AWS's own programs know. Pure but for the file of
//! `AWS_CA_BUNDLE`.

use std::fs;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use rustls_pki_types::CertificateDer;

use super::authorities;
use crate::place::PlaceError;

/// A PEM file of who vouches for the server, besides Mozilla's roots.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// Any one of these is a way to credentials.
const CREDENTIALS: [AmazonS3ConfigKey; 4] = [
    AmazonS3ConfigKey::AccessKeyId,
    AmazonS3ConfigKey::WebIdentityTokenFile,
    AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
    AmazonS3ConfigKey::ContainerCredentialsFullUri,
];

/// Reads what `environment` says, and the authorities that it names; `url` is of what it is for.
pub(super) fn read(
    url: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(AmazonS3Builder, Vec<CertificateDer<'static>>), PlaceError> {
    let (mut builder, mut named) = (AmazonS3Builder::new(), Vec::new());
    for (variable, value) in environment.filter(|(variable, _)| variable.starts_with("AWS_")) {
        if value.is_empty() {
            continue;
        }
        if variable == CA_BUNDLE {
            named.extend(read_bundle(&value)?);
        } else if let Ok(key) = variable.to_ascii_lowercase().parse::<AmazonS3ConfigKey>()
            // Which bucket is said by the destination.
            && key != AmazonS3ConfigKey::Bucket
        {
            builder = builder.with_config(key, value);
        }
    }
    if CREDENTIALS.iter().all(|key| builder.get_config_value(key).is_none()) {
        // Else those of the node would be asked for, whose server is not to be reached from a pod.
        return Err(PlaceError::NoCredentials { url: url.to_owned() });
    }
    Ok((builder, named))
}

fn read_bundle(file: &str) -> Result<Vec<CertificateDer<'static>>, PlaceError> {
    let refuse = |reason: String| PlaceError::Variable { variable: CA_BUNDLE.to_owned(), reason };
    let pem = fs::read(file).map_err(|error| refuse(format!("cannot read {file}: {error}")))?;
    authorities::read(&pem).map_err(|error| refuse(format!("{file} {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Result<(AmazonS3Builder, Vec<CertificateDer<'static>>), PlaceError> {
        read("s3://b", pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn each_variable_has_its_place_and_others_have_none() {
        let (builder, named) = of(&[
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "eu-1"),
            ("AWS_ENDPOINT_URL", "http://s3:7070"),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_BUCKET", "another"),
            ("AWS_SESSION_TOKEN", ""),
            ("PATH", "/bin"),
        ])
        .unwrap();
        let value = |key| builder.get_config_value(&key);
        assert_eq!(value(AmazonS3ConfigKey::Region).as_deref(), Some("eu-1"));
        assert_eq!(value(AmazonS3ConfigKey::Endpoint).as_deref(), Some("http://s3:7070"));
        assert_eq!(value(AmazonS3ConfigKey::Bucket), None);
        assert_eq!(value(AmazonS3ConfigKey::Token), None);
        assert!(named.is_empty());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let none = of(&[("AWS_REGION", "eu-1")]).unwrap_err().to_string();
        assert_eq!(none, "s3://b needs credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
        let absent = of(&[("AWS_CA_BUNDLE", "/not/there")]).unwrap_err().to_string();
        assert!(
            absent.starts_with("cannot use the environment's AWS_CA_BUNDLE: cannot read /not/there"),
            "{absent}"
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        let empty = of(&[("AWS_CA_BUNDLE", file.path().to_str().unwrap())]).unwrap_err().to_string();
        assert!(empty.ends_with("holds no certificate"), "{empty}");
    }
}
