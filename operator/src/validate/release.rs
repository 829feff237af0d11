//! Which release a store runs: the catalog's, or the one that runs already.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use kivi_crds::{KeyValueStore, labels};

use super::error::ValidationError;
use crate::catalog::{Catalog, Release};
use crate::cli::PullPolicy;

/// The release of `spec.version`.
pub(super) fn of(
    store: &KeyValueStore,
    made: Option<&StatefulSet>,
    catalog: &Catalog,
) -> Result<Release, ValidationError> {
    let asked = &store.spec.version;
    let Some(release) = catalog.release(asked) else {
        let template = made.and_then(|set| Some(&set.spec.as_ref()?.template));
        // A catalog that dropped a version stops no store that runs it: its certificates are still renewed.
        let running = template.and_then(|template| running(asked, template));
        return running
            .filter(|release| !release.sidecar_image.is_empty() || !store.spec.sidecar.enabled)
            .ok_or_else(|| ValidationError::Version { asked: asked.clone(), offered: catalog.versions() });
    };
    // What served last wrote the log. An upgrade that never came up can be taken back, whatever it would have written.
    let ran = store.status.as_ref().and_then(|status| catalog.release(status.version.as_ref()?));
    match ran {
        Some(ran) if ran.log_format > release.log_format => Err(ValidationError::Downgrade {
            asked: asked.clone(),
            reads: release.log_format,
            ran: ran.version.clone(),
            wrote: ran.log_format,
        }),
        _ => Ok(release.clone()),
    }
}

/// The release of the pods, where it is the one that is asked for.
fn running(asked: &str, template: &PodTemplateSpec) -> Option<Release> {
    let labels = template.metadata.as_ref()?.labels.as_ref()?;
    let pod = template.spec.as_ref()?;
    let server = named(&pod.containers, "server")?;
    let sidecar = pod.init_containers.as_ref().and_then(|containers| named(containers, "sidecar"));
    (labels.get(labels::VERSION)? == asked).then_some(())?;
    Some(Release {
        version: asked.to_owned(),
        server_image: server.image.clone()?,
        sidecar_image: sidecar.and_then(|container| container.image.clone()).unwrap_or_default(),
        pull_policy: PullPolicy::of(server.image_pull_policy.as_deref()?)?,
        log_format: 0,
        offered: false,
    })
}

fn named<'a>(containers: &'a [Container], name: &str) -> Option<&'a Container> {
    containers.iter().find(|container| container.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dereferenced::Dereferenced;
    use crate::model::Store;
    use crate::test_support::{catalog, children, custom_resource, now};
    use crate::validate::validate;

    const CATALOG: &str =
        "{0.2.0: {server: two:1, sidecar: two:2}, 0.3.0: {server: three:1, sidecar: three:2, logFormat: 2}}";

    fn validated(spec: &str, ran: Option<&str>, made: Option<StatefulSet>) -> Result<Store, ValidationError> {
        let mut store = custom_resource(spec);
        store.status =
            Some(kivi_crds::KeyValueStoreStatus { version: ran.map(str::to_owned), ..Default::default() });
        let found = Dereferenced { stateful_set: made, ..Dereferenced::default() };
        validate(&store, &found, &catalog().with(CATALOG).unwrap(), "cluster.local", now())
    }

    #[test]
    fn each_version_of_the_catalog_runs_its_own_images() {
        let store = validated("{version: 0.2.0}", None, None).unwrap();
        assert_eq!(
            (store.release.server_image.as_str(), store.release.sidecar_image.as_str()),
            ("two:1", "two:2")
        );
        let error = validated("{version: 0.4.0}", None, None).unwrap_err();
        assert_eq!(error.reason(), "VersionNotSupported");
        let offered = format!("write one of {}, 0.2.0, 0.3.0.", kivi_crds::RELEASE);
        assert!(error.to_string().ends_with(&offered), "{error}");
    }

    #[test]
    fn no_server_is_asked_to_read_a_log_that_it_cannot() {
        for (asked, ran) in
            [("0.2.0", None), ("0.2.0", Some("0.2.0")), ("0.3.0", Some("0.2.0")), ("0.2.0", Some("9.9.9"))]
        {
            assert!(validated(&format!("{{version: {asked}}}"), ran, None).is_ok(), "{ran:?} -> {asked}");
        }
        let error = validated("{version: 0.2.0}", Some("0.3.0"), None).unwrap_err();
        assert_eq!(error.reason(), "DowngradeNotPossible");
        assert!(
            error.to_string().starts_with("spec.version: 0.2.0 reads log format 1, and 0.3.0 wrote format 2"),
            "{error}"
        );
    }

    #[test]
    fn a_version_that_left_the_catalog_runs_on_as_it_is() {
        let mut made = children("{}").2.stateful_set;
        let template = &mut made.spec.as_mut().unwrap().template;
        let labels = template.metadata.as_mut().unwrap().labels.as_mut().unwrap();
        labels.insert(labels::VERSION.to_owned(), "0.0.9".to_owned());
        template.spec.as_mut().unwrap().containers[0].image = Some("old:1".to_owned());
        let store = validated("{version: 0.0.9}", None, Some(made.clone())).unwrap();
        assert_eq!((store.release.server_image.as_str(), store.release.offered), ("old:1", false));
        // Nothing else is made of it, nor does another store get it.
        assert!(validated("{version: 0.0.8}", None, Some(made.clone())).is_err());
        assert!(validated("{version: 0.0.9}", None, None).is_err());
        made.spec.as_mut().unwrap().template.spec.as_mut().unwrap().init_containers = None;
        assert!(validated("{version: 0.0.9}", None, Some(made)).is_err(), "there is no image of its sidecar");
    }
}
