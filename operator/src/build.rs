//! Step 3 (pure): a validated store becomes the objects that make it, one file an object.
//!
//! Inputs: [`Store`] and [`Material`], nothing else: no client, no clock, no random numbers. The same
//! inputs give the same objects, byte for byte, so that an apply at rest changes nothing.

mod authority_secret;
mod certificate_secret;
mod config;
mod config_map;
pub(crate) mod container;
mod digest;
mod disruption_budget;
mod environment;
mod http_route;
mod ingress;
mod issuer_certificate;
pub(crate) mod metadata;
mod network_policy;
mod overlay;
pub(crate) mod pod;
mod pods_service;
pub(crate) mod ports;
mod scheduling;
mod server;
mod service;
mod service_account;
mod service_monitor;
mod sidecar;
pub(crate) mod stateful_set;
mod token_secret;
mod trust_config_map;
pub(crate) mod volumes;

use std::marker::PhantomData;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kivi_crds::KeyValueStoreBackup;

use crate::foreign::Foreign;
use crate::material::Material;
use crate::model::Store;

/// The children were built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared {}

/// The children were applied: they are what the API server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {}

/// Every child of a store, in the state `S`. Only `build` makes `Prepared` ones, and only `apply` turns
/// them into `Applied` ones: status cannot be computed from what was not applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Children<S> {
    /// The pods' identity.
    pub service_account: Option<ServiceAccount>,
    /// The authority's pair.
    pub authority_secret: Option<Secret>,
    /// The server's pair.
    pub certificate_secret: Option<Secret>,
    /// The bearer token.
    pub token_secret: Option<Secret>,
    /// What clients trust.
    pub trust_config_map: Option<ConfigMap>,
    /// What the processes read.
    pub config_map: ConfigMap,
    /// Gives each pod a name.
    pub pods_service: Service,
    /// What clients use.
    pub service: Service,
    /// How many pods may be evicted at once.
    pub disruption_budget: Option<PodDisruptionBudget>,
    /// Who may open connections to the pods.
    pub network_policy: Option<NetworkPolicy>,
    /// A way in from outside the cluster.
    pub ingress: Option<Ingress>,
    /// Children of kinds that the cluster may not know.
    pub foreign: Vec<Foreign>,
    /// The pods.
    pub stateful_set: StatefulSet,
    /// Copies the log.
    pub archive: Option<CronJob>,
    /// The backup that is due now. Not owned: it outlives the store.
    pub scheduled_backup: Option<KeyValueStoreBackup>,
    pub(crate) state: PhantomData<S>,
}

/// Builds every child.
pub fn build(store: &Store, material: &Material) -> Children<Prepared> {
    Children {
        service_account: service_account::build(store),
        authority_secret: authority_secret::build(store, material),
        certificate_secret: certificate_secret::build(store, material),
        token_secret: token_secret::build(store, material),
        trust_config_map: trust_config_map::build(store, material),
        config_map: config_map::build(store),
        pods_service: pods_service::build(store),
        service: service::build(store),
        disruption_budget: disruption_budget::build(store),
        network_policy: network_policy::build(store),
        ingress: ingress::build(store),
        foreign: issuer_certificate::build(store)
            .into_iter()
            .chain(service_monitor::build(store))
            .chain(http_route::build(store))
            .collect(),
        stateful_set: stateful_set::build(store),
        archive: crate::backup::build::cron_job(store),
        scheduled_backup: crate::backup::build::scheduled(store),
        state: PhantomData,
    }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
