//! Plays the storage's resizer, which a cluster of local volumes has not: says of a claim what one would say.

use serde_json::{Value, json};

use crate::Failure;
use crate::kubectl::Kubectl;

/// Says that the volume of a claim has as much as the claim asks for.
///
/// # Errors
/// When there is no such claim.
pub async fn grow(kubectl: &Kubectl, claim: &str) -> Result<(), Failure> {
    let found = kubectl.get("pvc", claim).await?;
    let requested = &found["spec"]["resources"]["requests"]["storage"];
    say(kubectl, claim, &json!({"capacity": {"storage": requested}, "allocatedResourceStatuses": null})).await
}

/// Says that the storage cannot give what a claim asks for.
///
/// # Errors
/// When there is no such claim.
pub async fn fail(kubectl: &Kubectl, claim: &str, why: &str) -> Result<(), Failure> {
    let condition = json!({
        "type": "ControllerResizeError", "status": "True", "message": why,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    });
    let found = kubectl.get("pvc", claim).await?;
    let requested = &found["spec"]["resources"]["requests"]["storage"];
    let status = json!({
        "conditions": [condition],
        "allocatedResources": {"storage": requested},
        "allocatedResourceStatuses": {"storage": "ControllerResizeInfeasible"},
    });
    say(kubectl, claim, &status).await
}

async fn say(kubectl: &Kubectl, claim: &str, status: &Value) -> Result<(), Failure> {
    let patch = json!({"status": status}).to_string();
    kubectl.run(["patch", "pvc", claim, "--subresource=status", "--type=merge", "-p", &patch]).await.map(drop)
}
