//! The ports of a store's pods: where clients come in, and where health is asked.

use crate::model::Store;

/// Where clients come in, with and without a sidecar.
pub(super) const CLIENT_PORT: i32 = 8443;
/// The server's health port.
pub(crate) const SERVER_HEALTH_PORT: i32 = 8081;
/// The sidecar's health port.
pub(super) const SIDECAR_HEALTH_PORT: i32 = 8091;
/// Name of the server's health port.
pub(super) const SERVER_HEALTH: &str = "server-health";
/// Name of the sidecar's health port.
pub(super) const SIDECAR_HEALTH: &str = "sidecar-health";

/// Name of the port where clients come in.
pub(super) fn client_port_name(store: &Store) -> &'static str {
    if store.tls() { "https" } else { "http" }
}
