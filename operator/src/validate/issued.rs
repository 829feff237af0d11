//! What may be asked of a certificate that is issued, whoever issues it: how long it is valid, and its names.

use std::time::Duration;

use kivi_crds::{MAX_DNS_NAMES, is_dns_name};

use super::error::ValidationError;

/// What bounds are counted in.
pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// Whether a duration of `spec.tls` is within its bounds.
pub(super) fn bounds(
    field: &'static str,
    value: Duration,
    least: Duration,
    most: Duration,
) -> Result<(), ValidationError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ValidationError::TlsDuration { field, least, most })
}

/// A certificate's life and the end of it in which it is renewed.
pub(super) fn life(
    duration: Duration,
    renew_before: Duration,
    least: Duration,
) -> Result<(), ValidationError> {
    bounds("duration", duration, HOUR, 87_600 * HOUR)?;
    bounds("renewBefore", renew_before, least, duration.saturating_sub(Duration::from_millis(1)))
}

/// What the definition's rules refuse of names.
pub(super) fn dns_names(names: &[String]) -> Result<(), ValidationError> {
    let sound = |name: &String| {
        let behind = name.strip_prefix("*.").filter(|behind| behind.contains('.'));
        name.len() <= 253 && is_dns_name(behind.unwrap_or(name))
    };
    match names.iter().find(|name| !sound(name)) {
        Some(name) => Err(ValidationError::DnsName(name.clone())),
        None if names.len() > MAX_DNS_NAMES => Err(ValidationError::DnsNames(names.len())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label_before_two() {
        let accepted = |name: &str| dns_names(&[name.to_owned()]).is_ok();
        for name in ["a", "kv.example.com", "*.example.com"] {
            assert!(accepted(name), "{name}");
        }
        for name in ["", "*", "*.com", "a.*.com", "*.*.example.com", "Kv.example.com"] {
            assert!(!accepted(name), "{name}");
        }
    }
}
