//! Whether the server's container has the memory that its limits need. Pure. The user's values stand: this only says
//! what may come of them.

use kivi_crds::settings::Amount;

use crate::model::Store;

/// A sentence for the store's conditions, where the container's memory limit is less than the server may need. Without
/// a limit the container has the node's memory, and there is nothing to say.
pub(super) fn warning(store: &Store) -> Option<String> {
    let given = &store.pod.server_resources.limits.as_ref()?.get("memory")?.0;
    let limits = &store.settings.limits;
    let need = limits.process_bytes();
    let enough = Amount(given.clone()).whole().is_none_or(|given| given >= need);
    (!enough).then(|| {
        format!(
            "spec.pod.resources.limits.memory is {given}, and a server with spec.limits.memory of {} may need {}Mi: the kernel may end it before writes are refused.",
            limits.memory,
            need.div_ceil(1 << 20)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::store;

    #[test]
    fn a_container_with_less_than_its_server_may_need_is_told_of() {
        let warned = |spec: &str| warning(&store(spec));
        for enough in [
            "{}",
            "{pod: {resources: {requests: {memory: 16Mi}, limits: {cpu: 1}}}}",
            "{pod: {resources: {limits: {memory: 480Mi}}}}",
            "{pod: {resources: {limits: {memory: 0.5Gi}}}}",
            "{limits: {memory: 64Mi}, pod: {resources: {limits: {memory: 216Mi}}}}",
        ] {
            assert_eq!(warned(enough), None, "{enough}");
        }
        assert_eq!(
            warned("{pod: {resources: {limits: {memory: 479Mi}}}}").unwrap(),
            "spec.pod.resources.limits.memory is 479Mi, and a server with spec.limits.memory of 256Mi may need 480Mi: \
             the kernel may end it before writes are refused."
        );
        let plain =
            warned("{limits: {memory: 1Gi}, pod: {resources: {limits: {memory: 1000000000}}}}").unwrap();
        assert!(plain.contains("is 1000000000, ") && plain.contains("of 1Gi may need 1536Mi"), "{plain}");
    }
}
