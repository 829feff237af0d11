//! Who may open connections to the pods, parsed.

use kivi_crds::NetworkPolicy;

use super::error::ValidationError;
use super::opaque::each;
use crate::model::Allowed;

/// Who may; nothing where that is not restricted.
pub(super) fn allowed(policy: &NetworkPolicy) -> Result<Option<Allowed>, ValidationError> {
    let allowed = Allowed {
        from: each("networkPolicy.from", &policy.from)?,
        monitoring_from: each("networkPolicy.monitoringFrom", &policy.monitoring_from)?,
    };
    Ok(policy.enabled.then_some(allowed))
}
