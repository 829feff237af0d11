//! The Service, checked: what one type of Service has, others have not.

use kivi_crds::{Service, ServiceType};

use super::error::ValidationError;

/// The Service, if its fields go together.
pub(super) fn checked(service: &Service) -> Result<Service, ValidationError> {
    let (inside, balanced) =
        (service.type_ == ServiceType::ClusterIp, service.type_ == ServiceType::LoadBalancer);
    let misplaced = [
        ("nodePort", inside && service.node_port.is_some(), "NodePort or LoadBalancer"),
        (
            "externalTrafficPolicy",
            inside && service.external_traffic_policy.is_some(),
            "NodePort or LoadBalancer",
        ),
        ("loadBalancerClass", !balanced && service.load_balancer_class.is_some(), "LoadBalancer"),
        (
            "loadBalancerSourceRanges",
            !balanced && !service.load_balancer_source_ranges.is_empty(),
            "LoadBalancer",
        ),
    ];
    match misplaced.into_iter().find(|(_, misplaced, _)| *misplaced) {
        Some((field, _, types)) => Err(ValidationError::Field {
            field: format!("service.{field}"),
            reason: format!("it needs type {types}"),
        }),
        None => Ok(service.clone()),
    }
}
