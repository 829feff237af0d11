//! An S3 server whose certificate no public authority vouches for.

use std::time::{Duration, Instant};

use kivi_backup::place::{Place, bucket::Patience};
use kivi_tests::s3::{BUCKET, LocalS3, Pair};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::running::{Running, bucket, named, patience, restored, take};

/// The address that each server here listens on.
const HOST: &str = "127.0.0.1";

/// An authority that no one knows.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A server for a host, by a certificate that this authority issued.
    fn server(&self, host: &str) -> LocalS3 {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let pair = Pair { certificate: &certificate.pem(), key: &key.serialize_pem() };
        LocalS3::start_secured(pair).unwrap()
    }
}

/// A file with these texts, as `AWS_CA_BUNDLE` names it.
fn bundle(texts: &[&str]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), texts.concat()).unwrap();
    file
}

#[tokio::test]
async fn a_backup_goes_to_a_server_of_an_authority_of_its_own_once_that_is_named() {
    let (theirs, other) = (Authority::new("theirs"), Authority::new("other"));
    let s3 = theirs.server(HOST);
    let store = Running::start().await;
    store.fill(3, 100).await;
    // Beside another, as in the bundle of a company.
    let file = bundle(&[&other.0.pem(), &theirs.0.pem()]);
    let place = bucket(&s3, "p", &[("AWS_CA_BUNDLE", file.path().to_str().unwrap())]);
    let taken = take(&place, &store.server(), "a").await.unwrap();
    assert_eq!(restored(&place, |_| ()).await.unwrap(), taken.state_hash);

    let file = bundle(&[&other.0.pem()]);
    let stranger = [("AWS_CA_BUNDLE", file.path().to_str().unwrap())];
    for changed in [&[][..], &stranger] {
        // Who is not trusted now is not asked for a minute and a half.
        let place = named(&s3, BUCKET, "p", changed, Patience { retries: 100, ..patience() });
        let began = Instant::now();
        let refused = take(&place, &store.server(), "b").await.unwrap_err().to_string();
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
        let expected = "the server's certificate is of no authority that is trusted here; name its authority by caSecretRef";
        assert!(refused.contains(expected), "{refused}");
    }
}

#[tokio::test]
async fn a_certificate_that_signs_itself_is_its_own_authority_unless_it_is_one_that_issues() {
    let own = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let pair = Pair { certificate: &own.cert.pem(), key: &own.signing_key.serialize_pem() };
    let s3 = LocalS3::start_secured(pair).unwrap();
    let file = bundle(&[pair.certificate]);
    let place = bucket(&s3, "p", &[("AWS_CA_BUNDLE", file.path().to_str().unwrap())]);
    assert!(place.create("k", "v".into()).await.unwrap());

    let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let pair = Pair { certificate: &certificate.pem(), key: &key.serialize_pem() };
    let s3 = LocalS3::start_secured(pair).unwrap();
    let file = bundle(&[pair.certificate]);
    let place = bucket(&s3, "p", &[("AWS_CA_BUNDLE", file.path().to_str().unwrap())]);
    let refused = place.list("").await.unwrap_err().to_string();
    assert!(refused.contains("is an authority's own; give the server one"), "{refused}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new("theirs");
    let s3 = authority.server("minio.storage.svc");
    let file = bundle(&[&authority.0.pem()]);
    let place = bucket(&s3, "p", &[("AWS_CA_BUNDLE", file.path().to_str().unwrap())]);
    let refused = place.list("").await.unwrap_err().to_string();
    assert!(refused.contains("is for another name; check the endpoint"), "{refused}");
}
