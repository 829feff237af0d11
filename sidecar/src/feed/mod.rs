//! The server's changes, so that the cache knows of writes that did not pass this sidecar, and of keys whose time is up.
//!
//! The server's watch is followed on a connection of its own, while there is something that may be kept. What is kept is
//! served only while every change is heard of: until the first bookmark or prompt change, behind a break, and when what
//! comes is late, the cache coalesces and serves nothing that it keeps, but in place of a failure where `staleIfError`
//! says so. Each connection begins with an empty cache, so nothing that happened between two of them is missed.
//!
//! - `demand`: whether something may be kept; `follow`: connections, one after the other; `watch`: one of them;
//!   `metrics`, `error`.
//!
//! The only part of the sidecar that knows a path of the server. It must not know what a value is.

mod demand;
mod error;
mod follow;
mod metrics;
mod watch;

use kivi_layers::cache::CacheControl;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

pub(crate) use demand::Demand;

use self::{follow::Follow, metrics::FeedMetrics, watch::Source};
use crate::{config::Config, flags::ChangeFeed, policy, upstream::Transport};

/// The feed of a sidecar, before it runs.
#[derive(Debug)]
pub(crate) struct Feed {
    follow: Option<Follow>,
}

impl Feed {
    /// What the flags ask for, and by which the cache's settings say whether it is needed. From now on nothing that is
    /// kept is served before the feed is there. Must be called within a runtime.
    pub(crate) fn new(config: &Config, control: &CacheControl, registry: &mut Registry) -> (Self, Demand) {
        let metrics = FeedMetrics::register(registry);
        let follows = match config.change_feed {
            ChangeFeed::On => true,
            // Where the server takes one connection, it is for requests.
            ChangeFeed::Auto => {
                matches!(config.upstream.transport, Transport::Unix(_))
                    && config.settings.limits.most_connections() > 1
            }
            ChangeFeed::Off => false,
        };
        let (demand, wanted) = Demand::new(control.clone());
        let follow = follows.then(|| Follow {
            source: Source::new(&config.upstream),
            control: control.clone(),
            metrics,
            wanted,
            is_certain: config.change_feed == ChangeFeed::On,
        });
        demand.set(policy::of(&config.settings, &config.upstream).keeps());
        (Self { follow }, demand)
    }

    /// Follows until `shutdown`.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        if let Some(follow) = self.follow {
            shutdown.run_until_cancelled(follow.run()).await;
        }
    }
}
