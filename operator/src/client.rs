//! The clients of the API server: every call has an end, and who does not lead writes nothing.
//!
//! kube's own stack tries a call again that is throttled (429) or that the API server is too busy for (503,
//! 504), after the time that the answer asks for; all of that within the call's time.

mod bounded;
mod fenced;

use kube::client::ClientBuilder;
use kube::{Client, Config};

use crate::election::leadership::Leadership;
use crate::progress::Progress;

#[cfg(test)]
pub(crate) use bounded::Bounds;

/// The client of reconciles and watches.
///
/// # Errors
/// When the configuration's credentials cannot be used.
pub fn reconciling(config: Config, progress: &Progress, leadership: &Leadership) -> kube::Result<Client> {
    let builder = ClientBuilder::try_from(config)?;
    let builder = builder.with_layer(progress).with_layer(&fenced::Fence::of(leadership));
    Ok(builder.with_layer(&bounded::Bounds).build())
}

/// The client of the election: on connections of its own, and without tries of its own, since the election
/// counts its time itself.
///
/// # Errors
/// When the configuration's credentials cannot be used.
pub fn electing(mut config: Config) -> kube::Result<Client> {
    config.default_retry = false;
    Ok(ClientBuilder::try_from(config)?.build())
}
