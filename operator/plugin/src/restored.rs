//! The spec of a store that begins with a backup: the copied store's, less what only one of the two can have. Pure.

use kivi_crds::settings::Quantity;
use kivi_crds::{
    AtRevision, Bootstrap, Destination, FromBackup, KeyValueStore, KeyValueStoreSpec, Service, ServiceType,
};

/// A spec, and what is not in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Restored {
    pub(crate) spec: KeyValueStoreSpec,
    /// A sentence for each thing that was left out of the copied store's.
    pub(crate) left_out: Vec<&'static str>,
}

/// The spec of a store like `source` that begins with its backup of this name.
pub(crate) fn restored(source: KeyValueStore, backup: &str, at_revision: Option<AtRevision>) -> Restored {
    let size = size(&source);
    let mut spec = source.spec;
    let mut left_out = Vec::new();
    if let (Some(file), Some(size)) = (&mut spec.log.file, size) {
        if let Some(grows) = &mut file.auto_grow
            && grows.max.bytes() < size.bytes()
        {
            grows.max = size.clone();
        }
        file.size = size;
    }
    if spec.tls.secret_ref.take().is_some() {
        left_out.push("spec.tls.secretRef is left out: its certificate names the other store");
    }
    // Who comes in there means the store that is there.
    if spec.ingress.take().is_some() {
        left_out.push("spec.ingress is left out: its host leads to one store");
    }
    if spec.http_route.take().is_some() {
        left_out.push("spec.httpRoute is left out: its hosts lead to one store");
    }
    if spec.service.type_ != ServiceType::ClusterIp {
        let Service { port, labels, .. } = spec.service;
        spec.service = Service { port, labels, ..Service::default() };
        left_out.push("spec.service is that of the cluster's inside: an address leads to one store");
    }
    let own_folder = spec.backup.as_mut().and_then(|backup| backup.destination.as_mut()).is_some_and(unnamed);
    if own_folder {
        left_out.push("spec.backup names no folder: each store has one of its own");
    }
    // It is restored to be there.
    (spec.stopped, spec.paused) = (false, false);
    let from_backup = FromBackup { name: Some(backup.to_owned()), at_revision, ..FromBackup::default() };
    spec.bootstrap = Some(Bootstrap { from_backup });
    Restored { spec, left_out }
}

/// Takes the folder out of a destination; says whether there was one.
fn unnamed(destination: &mut Destination) -> bool {
    let path = destination.volume.as_mut().and_then(|volume| volume.path.take());
    let prefix = destination.s3.as_mut().and_then(|s3| s3.prefix.take());
    path.or(prefix).is_some()
}

/// The size that the largest volume has grown to, where that is more than the spec asks for: what it holds must fit.
fn size(store: &KeyValueStore) -> Option<Quantity> {
    let asked = store.spec.log.file.as_ref()?.size.bytes();
    let volumes = &store.status.as_ref()?.volumes;
    let actual = volumes.iter().filter_map(|volume| volume.actual.as_ref()?.parse::<Quantity>().ok());
    actual.max_by_key(Quantity::bytes).filter(|size| size.bytes() > asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(spec: &str, status: &str) -> Restored {
        let source = format!(
            "{{apiVersion: kivi.dev/v1alpha1, kind: KeyValueStore, metadata: {{name: orders}}, spec: {spec}, status: {status}}}"
        );
        restored(serde_yaml::from_str(&source).unwrap(), "first", Some(AtRevision::Revision(7)))
    }

    fn spec(text: &str) -> KeyValueStoreSpec {
        serde_yaml::from_str(text).unwrap()
    }

    #[test]
    fn it_is_the_copied_stores_and_begins_with_the_backup() {
        let made = of(
            "{version: 0.1.0, limits: {memory: 512Mi}, pod: {nodeSelector: {disk: ssd}}, service: {annotations: {a: b}}, stopped: true,
              paused: true, bootstrap: {fromBackup: {name: older}}}",
            "{}",
        );
        assert_eq!(
            made.spec,
            spec(
                "{version: 0.1.0, limits: {memory: 512Mi}, pod: {nodeSelector: {disk: ssd}}, service: {annotations: {a: b}},
                  bootstrap: {fromBackup: {name: first, atRevision: 7}}}"
            )
        );
        assert!(made.left_out.is_empty(), "{:?}", made.left_out);
    }

    #[test]
    fn what_only_one_of_two_stores_can_have_is_left_out_and_told() {
        let made = of(
            "{tls: {secretRef: {name: corp}}, ingress: {host: kv.example.com}, httpRoute: {parentRefs: [{name: gateway}], hostnames: [kv.example.com]},
              service: {type: NodePort, nodePort: 30443, port: 8443, annotations: {a: b}, labels: {c: d}},
              backup: {schedule: 0 2 * * *, destination: {s3: {bucket: backups, prefix: shop/orders}}}}",
            "{}",
        );
        assert_eq!(
            made.spec,
            spec(
                "{service: {port: 8443, labels: {c: d}}, backup: {schedule: 0 2 * * *, destination: {s3: {bucket: backups}}},
                  bootstrap: {fromBackup: {name: first, atRevision: 7}}}"
            )
        );
        let fields: Vec<_> = made.left_out.iter().map(|told| told.split(' ').next().unwrap()).collect();
        assert_eq!(
            fields,
            ["spec.tls.secretRef", "spec.ingress", "spec.httpRoute", "spec.service", "spec.backup"]
        );
    }

    #[test]
    fn what_a_volume_has_grown_to_is_what_the_new_one_has() {
        let size = |asked: &str, actual: &str| {
            let volumes = format!(
                "{{volumes: [{{name: a, phase: Bound, actual: {actual}}}, {{name: b, phase: Pending}}]}}"
            );
            let made = of(&format!("{{log: {{file: {{size: {asked}}}}}}}"), &volumes);
            made.spec.log.file.unwrap().size.to_string()
        };
        assert_eq!(size("1Gi", "3Gi"), "3Gi");
        assert_eq!(size("4Gi", "3Gi"), "4Gi");
        let grown = of(
            "{log: {file: {size: 1Gi, autoGrow: {max: 8Gi}}}}",
            "{volumes: [{name: a, phase: Bound, actual: 10Gi}]}",
        );
        let max = grown.spec.log.file.unwrap().auto_grow.unwrap().max;
        assert_eq!(max.to_string(), "10Gi", "a size beyond it would be refused");
    }
}
