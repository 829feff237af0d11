//! Where the cluster keeps what is issued: the keys and annotations of the Secrets and of the bundle's ConfigMap, beside those
//! that everybody knows (`tls.crt`, `tls.key`, `ca.crt`).

use jiff::Timestamp;

/// Annotation of the leaf's Secret: how often it was issued.
pub const CERTIFICATE_GENERATION: &str = "kivi.dev/certificate-generation";
/// Annotation of the bundle's ConfigMap: since when it holds the authority that will issue next.
pub const NEXT_SINCE: &str = "kivi.dev/next-authority-since";
/// Keys of the next authority in the authority's Secret.
pub const NEXT: (&str, &str) = ("next.crt", "next.key");

/// Key of an old authority in the authority's Secret: it says until when the authority is trusted.
pub fn retired_key(until: Timestamp) -> String {
    until.strftime("retired-%Y%m%dT%H%M%SZ.crt").to_string()
}

/// Until when the old authority of such a key is trusted; none for another key.
pub fn retired_until(key: &str) -> Option<Timestamp> {
    key.strip_prefix("retired-")?.strip_suffix(".crt")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_old_authority_says_until_when_it_is_trusted() {
        let until: Timestamp = "2027-02-20T10:00:01Z".parse().unwrap();
        assert_eq!(retired_key(until), "retired-20270220T100001Z.crt");
        assert_eq!(retired_until(&retired_key(until)), Some(until));
        assert_eq!(retired_until("retired-soon.crt"), None);
    }
}
