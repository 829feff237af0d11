//! A real single-node Kubernetes on this machine, for tests and the demo.
//!
//! - [`tools`] builds the components from pinned Go modules into a cache outside the checkout.
//! - [`components`] says, as data, which files and which command line make each component.
//! - [`start`] converges a machine to a running cluster, [`stop`] leaves nothing of it behind.
//! - [`simulate`] adds nodes that run nothing, as many as a test wants.
//! - [`Cluster`] is the handle that tests hold: kubectl, helm, images, faults.
//!
//! Everything runs in a network namespace of its own, so ports, routes and iptables chains of the
//! machine and of other clusters are never touched. State lives in [`Layout::system`].

mod cgroup;
pub mod cli;
mod cluster;
mod command;
pub mod components;
mod digest;
mod error;
mod image;
mod kubeconfig;
mod layout;
mod log;
mod mounts;
pub mod network;
mod pki;
mod privilege;
mod process;
mod progress;
mod ready;
mod shims;
pub mod simulate;
pub mod start;
pub mod stop;
mod storage;
mod supervise;
pub mod tools;
mod wait;

pub use cluster::{Cluster, ComponentStatus};
pub use components::Component;
pub use error::ClusterError;
pub use image::PROBE_IMAGE;
pub use layout::Layout;
pub use privilege::{is_root, sudo};
pub use process::ProcessId;
