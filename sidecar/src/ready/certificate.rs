//! Does the serving certificate hold now?

use std::{path::Path, time::SystemTime};

use kivi_process::health::Check;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_parser::time::ASN1Time;

use crate::config::Tls;

/// A process without TLS has nothing that could expire. The pair on disk is the one in use, or the one
/// that will be within a moment.
pub(super) fn check(tls: Option<&Tls>) -> Check {
    let Some(tls) = tls else {
        return Check::ok("no certificate is configured: connections are in the clear");
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map(|elapsed| elapsed.as_secs());
    let now = now.ok().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or_default();
    at(&tls.dir, now)
}

fn at(dir: &Path, now: i64) -> Check {
    let path = dir.join("tls.crt");
    let leaf = match CertificateDer::from_pem_file(&path) {
        Ok(leaf) => leaf,
        Err(error) => return Check::failing(format!("cannot read {}: {error}", path.display())),
    };
    let validity = match x509_parser::parse_x509_certificate(&leaf) {
        Ok((_, certificate)) => certificate.validity().clone(),
        Err(error) => return Check::failing(format!("{} is no certificate: {error}", path.display())),
    };
    let date = |time: &ASN1Time| time.to_string();
    if now > validity.not_after.timestamp() {
        Check::failing(format!("the certificate expired on {}: renew it", date(&validity.not_after)))
    } else if now < validity.not_before.timestamp() {
        Check::failing(format!("the certificate is not valid before {}", date(&validity.not_before)))
    } else {
        Check::ok(format!("the certificate is valid until {}", date(&validity.not_after)))
    }
}

#[cfg(test)]
mod tests {
    use kivi_process::health::State;

    use super::*;

    #[test]
    fn a_certificate_is_checked_against_the_clock() {
        let dir = tempfile::tempdir().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        std::fs::write(dir.path().join("tls.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
        for (now, state, message) in [
            (1_700_000_000, State::Ok, "valid until"),
            (1_900_000_000, State::Failing, "expired on"),
            (1_500_000_000, State::Failing, "not valid before"),
        ] {
            let check = at(dir.path(), now);
            assert_eq!(check.state, state, "{}", check.message);
            assert!(check.message.contains(message), "{}", check.message);
        }
    }

    #[test]
    fn without_tls_nothing_can_expire() {
        assert_eq!(check(None).state, State::Ok);
    }
}
