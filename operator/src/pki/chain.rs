//! What is to be said of a certificate of someone else's making: when it ends, whom clients trust for it, and what they
//! may hold against it. The names, the order and the ends are checked (RFC 5280, section 6); nothing is refused here.

use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use thiserror::Error;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::inspect::{Inspected, inspect};
use super::pair::{Pair, PkiError};
use super::time::{SKEW, before, between};

/// A certificate that someone else keeps is told of at most so long before its end.
const NOTICE: Duration = Duration::from_secs(14 * 24 * 3600);

/// A certificate of someone else's making.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// When it ends.
    pub not_after: Timestamp,
    /// When its end is near: a fifth of its life before it, and two weeks at most. Who renews at a third is not told of.
    pub ends_soon_at: Timestamp,
    /// Whom clients trust for it, as PEM; none where nobody says.
    pub bundle: Option<String>,
    /// What clients may hold against it.
    pub flaws: Vec<Flaw>,
}

/// What a client may hold against a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Flaw {
    /// It has another name.
    #[error("it does not name {0}")]
    Name(String),
    /// The chain is not one.
    #[error("certificate {} of tls.crt did not issue certificate {_0}", _0 + 1)]
    Order(usize),
    /// A certificate behind the leaf ended.
    #[error("certificate {0} of tls.crt ended at {1}")]
    Ended(usize, Timestamp),
    /// The bundle beside it is not its own.
    #[error("no certificate of ca.crt issued it")]
    Untrusted,
    /// The bundle beside it cannot be read.
    #[error("ca.crt holds no PEM certificate that can be read")]
    Bundle,
}

impl Flaw {
    /// One word, as in a condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Name(_) => "NameMissing",
            Self::Order(_) | Self::Ended(..) => "ChainBroken",
            Self::Untrusted | Self::Bundle => "NotTrusted",
        }
    }
}

/// Looks at a pair and the bundle beside it, for clients that ask for `name`.
///
/// # Errors
/// Says which part of the pair cannot be used.
pub fn examine(pair: &Pair, ca: Option<&str>, name: &str, now: Timestamp) -> Result<Examined, PkiError> {
    let seen = inspect(pair)?;
    let chain = certificates(&pair.certificate);
    let mut flaws = Vec::new();
    if !seen.names.iter().any(|pattern| matches(pattern, name)) {
        flaws.push(Flaw::Name(name.to_owned()));
    }
    for (index, link) in chain.windows(2).enumerate() {
        if !issued(&link[1], &link[0]) {
            flaws.push(Flaw::Order(index + 1));
        }
    }
    flaws.extend(chain.iter().enumerate().skip(1).filter_map(|(index, certificate)| {
        let end = end(certificate)?;
        (end <= now).then_some(Flaw::Ended(index + 1, end))
    }));
    let bundle = ca.and_then(bundle);
    match (ca, &bundle) {
        (Some(_), None) => flaws.push(Flaw::Bundle),
        (_, Some(bundle)) => {
            let known = certificates(bundle);
            let trusted = |certificate| known.iter().any(|ca| ca == certificate || issued(ca, certificate));
            if !chain.iter().any(trusted) {
                flaws.push(Flaw::Untrusted);
            }
        }
        (None, None) => {}
    }
    Ok(Examined { not_after: seen.not_after, ends_soon_at: ends_soon_at(&seen), bundle, flaws })
}

fn ends_soon_at(seen: &Inspected) -> Timestamp {
    let life = between(seen.not_before, seen.not_after).saturating_sub(SKEW);
    before(seen.not_after, (life / 5).min(NOTICE))
}

/// The certificates of a bundle and nothing else of it: what is published must not carry a key that lies beside them.
fn bundle(pem: &str) -> Option<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let blocks = pem.split(BEGIN).skip(1).map(|rest| rest.split_once(END).map(|(body, _)| body));
    let blocks: Option<String> =
        blocks.map(|body| body.map(|body| format!("{BEGIN}{body}{END}\n"))).collect();
    let text = blocks?;
    let read = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>().ok()?;
    let sound = !read.is_empty() && read.iter().all(|der| X509Certificate::from_der(der).is_ok());
    sound.then_some(text)
}

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok).collect()
}

fn issued(issuer: &CertificateDer<'_>, certificate: &CertificateDer<'_>) -> bool {
    let (Ok((_, issuer)), Ok((_, certificate))) =
        (X509Certificate::from_der(issuer), X509Certificate::from_der(certificate))
    else {
        return false;
    };
    certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

fn end(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

/// Whether a name of a certificate stands for a host (RFC 6125, section 6.4.3): a wildcard for one label.
fn matches(pattern: &str, host: &str) -> bool {
    pattern.eq_ignore_ascii_case(host)
        || pattern.strip_prefix("*.").is_some_and(|parent| {
            host.split_once('.').is_some_and(|(_, behind)| behind.eq_ignore_ascii_case(parent))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{issued as own, now};

    const NAME: &str = "orders.shop.svc";

    fn flaws(pair: &Pair, ca: Option<&str>, name: &str) -> Vec<String> {
        examine(pair, ca, name, now()).unwrap().flaws.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sound_certificate_has_no_flaw_and_its_authority_is_published_alone() {
        let issued = own();
        let authority = &issued.authorities.active;
        let with_key = format!("the authority\n{}{}", authority.key, authority.certificate);
        let seen = examine(&issued.leaf, Some(&with_key), NAME, now()).unwrap();
        assert_eq!(seen.flaws, []);
        assert_eq!(seen.bundle.as_deref().map(str::trim), Some(authority.certificate.trim()));
        assert_eq!(seen.not_after, issued.not_after);
        // Ninety days of life: two weeks. Five days: one.
        assert_eq!(seen.ends_soon_at, issued.not_after - jiff::SignedDuration::from_hours(14 * 24));
        // With the authority behind it, or by wildcard, it is as sound.
        let chain = Pair {
            certificate: format!("{}{}", issued.leaf.certificate, authority.certificate),
            ..issued.leaf.clone()
        };
        assert_eq!(flaws(&chain, Some(&authority.certificate), "orders-0.orders-pods.shop.svc"), [""; 0]);
        assert_eq!(examine(&issued.leaf, None, NAME, now()).unwrap().bundle, None);
    }

    #[test]
    fn each_flaw_is_a_sentence() {
        let (issued, other) = (own(), own());
        let foreign = &other.authorities.active.certificate;
        assert_eq!(
            flaws(&issued.leaf, None, "a.orders-0.orders-pods.shop.svc"),
            ["it does not name a.orders-0.orders-pods.shop.svc"]
        );
        let chain =
            Pair { certificate: format!("{}{foreign}", issued.leaf.certificate), ..issued.leaf.clone() };
        assert_eq!(flaws(&chain, None, NAME), ["certificate 2 of tls.crt did not issue certificate 1"]);
        assert_eq!(flaws(&issued.leaf, Some(foreign), NAME), ["no certificate of ca.crt issued it"]);
        let unreadable = "ca.crt holds no PEM certificate that can be read";
        for ca in ["", "rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(flaws(&issued.leaf, Some(ca), NAME), [unreadable]);
        }
        let late = now() + jiff::SignedDuration::from_hours(6 * 365 * 24);
        let ca = &issued.authorities.active.certificate;
        let chain = Pair { certificate: format!("{}{ca}", issued.leaf.certificate), ..issued.leaf };
        let seen = examine(&chain, None, NAME, late).unwrap();
        assert_eq!(seen.flaws[0].reason(), "ChainBroken");
        assert!(seen.flaws[0].to_string().starts_with("certificate 2 of tls.crt ended at 203"), "{seen:?}");
    }
}
