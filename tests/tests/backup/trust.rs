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

/// A server by a certificate that signs itself, for this host; as openssl makes one by default, it may issue others.
fn signs_itself(host: &str, is_ca: IsCa) -> (LocalS3, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    params.is_ca = is_ca;
    let certificate = params.self_signed(&key).unwrap().pem();
    let pair = Pair { certificate: &certificate, key: &key.serialize_pem() };
    (LocalS3::start_secured(pair).unwrap(), certificate)
}

#[tokio::test]
async fn a_certificate_that_signs_itself_is_trusted_by_itself() {
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let (s3, certificate) = signs_itself(HOST, is_ca);
        let file = bundle(&[&certificate]);
        let place = bucket(&s3, "p", &[("AWS_CA_BUNDLE", file.path().to_str().unwrap())]);
        assert!(place.create("k", "v".into()).await.unwrap());
        // Another of the same name, by another key.
        let (other, _) = signs_itself(HOST, is_ca);
        for changed in [&[][..], &[("AWS_CA_BUNDLE", file.path().to_str().unwrap())]] {
            let refused = bucket(&other, "p", changed).list("").await.unwrap_err().to_string();
            assert!(refused.contains("the server's certificate is"), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    const OTHER: &str = "minio.storage.svc";
    let authority = Authority::new("theirs");
    let (own, itself) = signs_itself(OTHER, IsCa::Ca(BasicConstraints::Unconstrained));
    for (s3, trusted) in [(authority.server(OTHER), authority.0.pem()), (own, itself)] {
        let file = bundle(&[&trusted]);
        let place = bucket(&s3, "p", &[("AWS_CA_BUNDLE", file.path().to_str().unwrap())]);
        let refused = place.list("").await.unwrap_err().to_string();
        assert!(refused.contains("is for another name; check the endpoint"), "{refused}");
    }
}
