//! The names of a store's children. They are the same at each reconcile: a child is found by its name.
//!
//! Lengths: a store's name has at most 40 characters (a rule of the CRD). The longest child name is the
//! pod's revision label, `NAME-` and a hash of 10 characters, well below the 63 of a label; so no name is
//! ever cut, and no two stores can share a child.

/// The names of one store's children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreNames {
    store: String,
}

/// Name of the volume claim template, and of the volume in the pod.
pub const LOG_VOLUME: &str = "log";

impl StoreNames {
    /// The names of the store called `store`.
    pub fn new(store: impl Into<String>) -> Self {
        Self { store: store.into() }
    }

    /// The store, and its Service, StatefulSet, ConfigMap and ServiceAccount.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// The headless Service, which gives each pod a DNS name.
    pub fn pods_service(&self) -> String {
        format!("{}-pods", self.store)
    }

    /// The Secret with the server's key pair: `tls.crt`, `tls.key`, `ca.crt`.
    pub fn tls_secret(&self) -> String {
        format!("{}-tls", self.store)
    }

    /// The Secret with the authority's key pair: `tls.crt`, `tls.key`.
    pub fn ca_secret(&self) -> String {
        format!("{}-ca", self.store)
    }

    /// The ConfigMap with what clients trust: `ca.crt`.
    pub fn ca_config_map(&self) -> String {
        format!("{}-ca", self.store)
    }

    /// The Secret with the bearer token: `token`.
    pub fn token_secret(&self) -> String {
        format!("{}-token", self.store)
    }

    /// The CronJob that copies the log.
    pub fn archive(&self) -> String {
        format!("{}-archive", self.store)
    }

    /// The volume claim of the pod with this ordinal.
    pub fn log_claim(&self, ordinal: i32) -> String {
        format!("{LOG_VOLUME}-{}-{ordinal}", self.store)
    }

    /// The pod with this ordinal.
    pub fn pod(&self, ordinal: i32) -> String {
        format!("{}-{ordinal}", self.store)
    }
}

/// Whether a text is a DNS name of lower-case labels (RFC 1123): at most 253 characters, each label at most 63.
pub fn is_dns_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dns_name_is_labels_between_dots() {
        for name in ["a", "kv.example.com", "1-2.3"] {
            assert!(is_dns_name(name), "{name}");
        }
        let long = "a".repeat(64);
        for name in ["", "a.", ".a", "a..b", "-a", "a-.b", "A", "a_b", "*.a", &long] {
            assert!(!is_dns_name(name), "{name}");
        }
    }

    #[test]
    fn the_longest_store_name_leaves_every_child_a_legal_one() {
        let names = StoreNames::new("a".repeat(40));
        for child in [
            names.store().to_owned(),
            names.pods_service(),
            names.tls_secret(),
            names.ca_secret(),
            names.ca_config_map(),
            names.token_secret(),
            names.archive(),
            names.log_claim(63),
            names.pod(63),
            format!("{}-{}", names.store(), "0123456789"),
        ] {
            assert!(child.len() <= 63, "{child}");
        }
    }
}
