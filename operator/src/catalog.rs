//! The releases that this operator can run, and the images of each. It must not do IO: [`source`] does.

mod entry;
mod error;
pub mod source;

use std::collections::BTreeMap;

use self::entry::{Entry, VersionKey};
use crate::cli::{PullPolicy, RunArgs};

pub use self::error::CatalogError;

/// The log format that this release writes, and the latest that it reads (docs/operations/log.md).
const LOG_FORMAT: u32 = 1;

/// The releases that this operator can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    releases: BTreeMap<VersionKey, Release>,
    pull_policy: PullPolicy,
}

/// The images of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Its version, as in `spec.version`.
    pub version: String,
    /// Image of the server.
    pub server_image: String,
    /// Image of the sidecar.
    pub sidecar_image: String,
    /// When a node pulls them.
    pub pull_policy: PullPolicy,
    /// The log format that its server writes, and the latest that it reads.
    pub log_format: u32,
    /// Whether the catalog has it. One that it lacks is only run on by stores that run it already.
    pub offered: bool,
}

impl Catalog {
    /// This operator's own release, with the images of its command line.
    pub fn own(args: &RunArgs) -> Self {
        let own = Release {
            version: kivi_crds::RELEASE.to_owned(),
            server_image: args.server_image.clone(),
            sidecar_image: args.sidecar_image.clone(),
            pull_policy: args.image_pull_policy,
            log_format: LOG_FORMAT,
            offered: true,
        };
        let releases = BTreeMap::from([(VersionKey::lenient(&own.version), own)]);
        Self { releases, pull_policy: args.image_pull_policy }
    }

    /// This catalog and what a file says: a map of versions, each with the images of `server` and `sidecar`. A version
    /// of both is the file's.
    ///
    /// # Errors
    /// The first entry that cannot be used; then none is.
    pub fn with(&self, text: &str) -> Result<Self, CatalogError> {
        let mut catalog = self.clone();
        for (version, entry) in entry::read(text)? {
            let key = VersionKey::parse(&version).ok_or_else(|| CatalogError::Version(version.clone()))?;
            let Entry { server, sidecar, log_format } = entry;
            for (field, image) in [("server", &server), ("sidecar", &sidecar)] {
                if image.is_empty() || image.contains(char::is_whitespace) {
                    return Err(CatalogError::Image { version, field });
                }
            }
            let release = Release {
                version,
                server_image: server,
                sidecar_image: sidecar,
                pull_policy: self.pull_policy,
                log_format,
                offered: true,
            };
            catalog.releases.insert(key, release);
        }
        Ok(catalog)
    }

    /// The release of this version.
    pub fn release(&self, version: &str) -> Option<&Release> {
        self.releases.get(&VersionKey::lenient(version))
    }

    /// Every version, the lowest first, for the sentence that refuses another.
    pub fn versions(&self) -> String {
        self.releases.values().map(|release| release.version.as_str()).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use crate::test_support::catalog;

    #[test]
    fn a_file_adds_versions_and_may_replace_the_images_of_this_release() {
        let own = catalog();
        assert_eq!(own.with("{}").unwrap(), own);
        assert_eq!(own.with("# nothing\n").unwrap(), own);
        let text = format!(
            "{{0.10.0: {{server: a:1, sidecar: b:1, logFormat: 2}}, 0.9.0: {{server: c:1, sidecar: d:1}}, {}: {{server: e:1, sidecar: f:1}}}}",
            kivi_crds::RELEASE
        );
        let both = own.with(&text).unwrap();
        assert_eq!(both.versions(), format!("{}, 0.9.0, 0.10.0", kivi_crds::RELEASE));
        let release = both.release("0.10.0").unwrap();
        assert_eq!((release.server_image.as_str(), release.log_format), ("a:1", 2));
        assert_eq!(both.release("0.9.0").unwrap().log_format, 1);
        assert_eq!(both.release(kivi_crds::RELEASE).unwrap().sidecar_image, "f:1");
        assert_eq!(both.release("1.0.0"), None);
    }

    #[test]
    fn a_file_that_cannot_be_used_names_the_entry() {
        for (text, sentence) in [
            ("{0.2.0: {server: a}}", "0.2.0: missing field `sidecar`"),
            ("{0.2.0: {server: a, sidecar: b, servr: c}}", "0.2.0.servr: unknown field"),
            ("{0.2.0: {server: [a], sidecar: b}}", "0.2.0.server: "),
            ("{0.2.0: {server: a, sidecar: b, logFormat: -1}}", "0.2.0.logFormat: "),
            ("{0.2.0: {server: '', sidecar: b}}", "0.2.0.server: no image"),
            ("{0.2.0: {server: a, sidecar: 'b c'}}", "0.2.0.sidecar: no image"),
            (
                "{0.2.0: {server: a, sidecar: b}, 0.2.0: {server: a, sidecar: c}}",
                ".: 0.2.0: it is there twice",
            ),
            ("{newest: {server: a, sidecar: b}}", "newest: no version"),
            ("{'0.2': {server: a, sidecar: b}}", "0.2: no version"),
            ("{0.2.0-: {server: a, sidecar: b}}", "0.2.0-: no version"),
            ("{0.2.0-a.: {server: a, sidecar: b}}", "0.2.0-a.: no version"),
            ("[", ".: "),
            ("[0.2.0]", ".: "),
        ] {
            let error = catalog().with(text).unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{text}: {error}");
        }
    }
}
