//! What a user lays over the pod template, laid over it: objects field by field, and lists of named things (containers,
//! volumes, variables) by name, as in server-side apply. What is laid over is checked by `validate`.

use k8s_openapi::DeepMerge as _;
use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};

use super::container;

pub(super) fn lay(mut template: PodTemplateSpec, overlay: Option<&PodTemplateSpec>) -> PodTemplateSpec {
    let Some(overlay) = overlay else {
        return template;
    };
    template.merge_from(overlay.clone());
    if let Some(pod) = &mut template.spec {
        pod.containers.iter_mut().chain(pod.init_containers.iter_mut().flatten()).for_each(restrict);
    }
    template
}

/// A container of the user's own starts from the same security context as the operator's, or it would not be let into a
/// namespace with the restricted profile.
fn restrict(container: &mut Container) {
    let mut security = container::container_security();
    security.merge_from(container.security_context.take().unwrap_or_default());
    container.security_context = Some(security);
}
