//! The init container that fills a store's volume from a backup, before anything else of the pod starts. It does
//! nothing where there is a log.

use k8s_openapi::api::core::v1::{Container, ResourceRequirements, Volume};
use kivi_crds::LOG_VOLUME;

use super::destination;
use crate::backup::policy::Restore;
use crate::build::container::{LAST_WORDS, container_security};
use crate::build::volumes::mount;

/// Name of the container.
pub const NAME: &str = "restore";

const DATA: &str = "/var/lib/kivi";
const UNLESS_EXISTS: &str = "--unless-exists";

/// Whether these are arguments that a container of this kind is made with.
pub(super) fn are_args(args: &[String]) -> bool {
    let [command, from, backup, data, unless, more @ ..] = args else { return false };
    command == "restore"
        && from.strip_prefix("--from=").is_some_and(destination::is_place)
        && backup.starts_with("--backup=")
        && data.strip_prefix("--data-dir=") == Some(DATA)
        && unless == UNLESS_EXISTS
        && more.len() <= 1
        && more.iter().all(|revision| revision.starts_with("--at-revision="))
}

/// The container, and the volumes that it reads from. It holds what the server will, so it gets what the `server` gets;
/// one that was made without stays without.
pub(crate) fn container(restore: &Restore, server: &ResourceRequirements) -> (Container, Vec<Volume>) {
    let none = ResourceRequirements::default();
    let bare = match restore {
        Restore::From { .. } => false,
        // The API server tells of none as of an empty one.
        Restore::AsMade { container, .. } => container.resources.as_ref().is_none_or(|made| *made == none),
    };
    let (image, pull_policy, args, environment, volumes) = match restore {
        Restore::From { destination, backup, at_revision, tools } => {
            let place = destination::place(destination);
            let mut args = vec![
                "restore".to_owned(),
                format!("--from={}", place.url),
                format!("--backup={backup}"),
                format!("--data-dir={DATA}"),
                UNLESS_EXISTS.to_owned(),
            ];
            args.extend(at_revision.as_ref().map(|revision| format!("--at-revision={revision}")));
            let environment = (!place.environment.is_empty()).then_some(place.environment);
            let policy = Some(tools.pull_policy.as_str().to_owned());
            (Some(tools.image.clone()), policy, Some(args), environment, place.volumes)
        }
        Restore::AsMade { container, volumes, .. } => {
            let Container { image, image_pull_policy, args, env, .. } = (**container).clone();
            (image, image_pull_policy, args, env, volumes.clone())
        }
    };
    let mut mounts = vec![mount(LOG_VOLUME, DATA, false)];
    mounts.extend(destination::mounts(&volumes, true));
    let container = Container {
        name: NAME.to_owned(),
        image,
        image_pull_policy: pull_policy,
        args,
        env: environment,
        resources: (!bare && *server != none).then(|| server.clone()),
        volume_mounts: Some(mounts),
        security_context: Some(container_security()),
        termination_message_policy: Some(LAST_WORDS.to_owned()),
        ..Container::default()
    };
    (container, volumes)
}
