//! What is taken of a pod that a claim remembers. Who may write to a claim need not be one who may make a pod: it is no
//! more than what a store of such a spec could have been made with, and run by the operator's own image.

use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::destination::{VOLUMES, is_variable, is_volume};
use super::restore::{NAME, are_args};
use crate::backup::model::Tools;

/// Of a pod what restores, and the volumes that this reads from; none where the builder never wrote such a pod. The image
/// is that of `tools`, or of another release of it.
pub fn sound(pod: PodSpec, tools: &Tools) -> Option<PodSpec> {
    let restores = pod.init_containers.into_iter().flatten().find(|container| container.name == NAME)?;
    let Container { name, image, image_pull_policy, args, env, resources, .. } = restores;
    let (args, env) = (args.unwrap_or_default(), env.unwrap_or_default());
    let volumes: Vec<_> = pod.volumes.into_iter().flatten().collect();
    let is_named = |name: &String| VOLUMES.contains(&name.as_str());
    // A reference in a text would be replaced by the value of a Secret.
    let values = env.iter().filter_map(|variable| variable.value.as_ref());
    let refers = args.iter().chain(values).any(|text| text.contains("$("));
    let builders = are_args(&args)
        && env.iter().all(is_variable)
        && volumes.iter().all(|volume| is_named(&volume.name) && is_volume(volume));
    if refers || !builders {
        return None;
    }
    let own = image.filter(|image| repository(image) == repository(&tools.image));
    let (image, image_pull_policy) = match own {
        Some(image) => (image, image_pull_policy),
        None => (tools.image.clone(), Some(tools.pull_policy.as_str().to_owned())),
    };
    let restores = Container {
        name,
        image: Some(image),
        image_pull_policy,
        args: Some(args),
        env: (!env.is_empty()).then_some(env),
        resources,
        ..Container::default()
    };
    Some(PodSpec { init_containers: Some(vec![restores]), volumes: Some(volumes), ..PodSpec::default() })
}

/// An image without its tag and digest.
fn repository(image: &str) -> &str {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    match image.rsplit_once(':') {
        // What holds a slash is behind a registry's port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => image,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::HostPathVolumeSource;

    use super::*;
    use crate::dereferenced::Dereferenced;
    use crate::test_support::{issued, secret, tools, validated};

    /// What a store began with that began with a backup there.
    fn began(place: &str) -> PodSpec {
        let spec = format!(
            "{{bootstrap: {{fromBackup: {{destination: {{{place}}}, backup: b, atRevision: latest}}}}}}"
        );
        let minio = secret("minio", [("ca.crt", issued().authorities.active.certificate.as_str())]);
        let found = Dereferenced { backup_authority: Some(minio), ..Dereferenced::default() };
        let store = validated(&spec, &found).unwrap();
        let (container, volumes) =
            super::super::restore(&store.restore.unwrap(), &store.pod.server_resources);
        let Container { name, image, image_pull_policy, args, env, .. } = container;
        let container = Container { name, image, image_pull_policy, args, env, ..Container::default() };
        PodSpec { init_containers: Some(vec![container]), volumes: Some(volumes), ..PodSpec::default() }
    }

    const VOLUME: &str = "volume: {claimName: old, path: p}";
    const BUCKET: &str =
        "s3: {bucket: old, prefix: p, region: r, endpoint: 'http://minio:9000', allowHttp: true,
        credentialsSecretRef: {name: keys}, caSecretRef: {name: minio}}";

    #[test]
    fn what_the_builder_wrote_is_taken_as_it_is_also_of_another_release() {
        for place in [VOLUME, BUCKET] {
            let made = began(place);
            let newer = Tools { image: "reg/operator:2@sha256:00".to_owned(), ..tools() };
            assert_eq!(sound(made.clone(), &newer), Some(made), "{place}");
        }
    }

    #[test]
    fn what_somebody_else_wrote_is_not() {
        let is_refused = |what: &str, change: &dyn Fn(&mut Container, &mut PodSpec)| {
            let mut pod = began(BUCKET);
            let mut container = pod.init_containers.take().unwrap().remove(0);
            change(&mut container, &mut pod);
            pod.init_containers = Some(vec![container]);
            assert_eq!(sound(pod, &tools()), None, "{what}");
        };
        is_refused("a folder of the node", &|_, pod| {
            let volume = &mut pod.volumes.as_mut().unwrap()[0];
            volume.host_path = Some(HostPathVolumeSource { path: "/".to_owned(), type_: None });
            volume.secret = None;
        });
        is_refused("two sources", &|_, pod| {
            let volume = &mut pod.volumes.as_mut().unwrap()[0];
            volume.host_path = Some(HostPathVolumeSource { path: "/".to_owned(), type_: None });
        });
        is_refused("another volume", &|_, pod| pod.volumes.as_mut().unwrap()[0].name = "host".to_owned());
        is_refused("another command", &|container, _| container.args.as_mut().unwrap()[0] = "run".to_owned());
        is_refused("no arguments", &|container, _| container.args = None);
        is_refused("one more argument", &|container, _| {
            container.args.as_mut().unwrap().push("--at-revision=1".to_owned());
        });
        is_refused("another file of the container", &|container, _| {
            container.args.as_mut().unwrap()[1] = "--from=file:///var/lib/kivi-backup/../x".to_owned();
        });
        is_refused("a secret within a text", &|container, _| {
            container.args.as_mut().unwrap()[1] = "--from=s3://b/$(AWS_SECRET_ACCESS_KEY)".to_owned();
        });
        is_refused("another variable", &|container, _| {
            container.env.as_mut().unwrap()[0].name = "LD_PRELOAD".to_owned();
        });
        is_refused("a secret by another name", &|container, _| {
            let variable =
                container.env.as_mut().unwrap().iter_mut().find(|v| v.value_from.is_some()).unwrap();
            variable.name = "AWS_ENDPOINT_URL".to_owned();
        });
    }

    #[test]
    fn another_image_gives_way_to_the_operators() {
        for image in [
            "evil/operator:1",
            "reg/operator.evil:1",
            "reg/operator/evil:1",
            "reg:5000/operator:1",
            "operator",
        ] {
            let mut pod = began(VOLUME);
            pod.init_containers.as_mut().unwrap()[0].image = Some(image.to_owned());
            assert_eq!(sound(pod, &tools()), Some(began(VOLUME)), "{image}");
        }
        assert_eq!(repository("reg:5000/operator"), "reg:5000/operator");
        assert_eq!(repository("reg:5000/operator:v1@sha256:00"), "reg:5000/operator");
    }
}
