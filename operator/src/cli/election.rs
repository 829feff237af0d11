//! Flags of the election.

use std::time::Duration;

use clap::{ArgAction, Args};
use kivi_crds::settings::DurationString;

use crate::election::{Timing, TimingError};

/// Whether several operators take turns, and how.
#[derive(Debug, Clone, Args)]
pub struct ElectionArgs {
    /// Reconcile only while holding a Lease, so that another operator may stand by.
    #[arg(long, env = "KIVI_LEADER_ELECTION", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true")]
    pub leader_election: bool,

    /// Name of the Lease; operators that must not reconcile side by side name the same one.
    #[arg(long, env = "KIVI_LEASE_NAME", default_value = "kivi-operator")]
    pub lease_name: String,

    /// Namespace of the Lease; empty means the operator's own.
    #[arg(long, env = "KIVI_LEASE_NAMESPACE", default_value = "")]
    pub lease_namespace: String,

    /// How long a Lease that is not renewed still belongs to its holder, in whole seconds.
    #[arg(long, env = "KIVI_LEASE_DURATION", default_value = "15s", value_parser = duration)]
    pub lease_duration: Duration,

    /// How long a leader goes on that cannot renew; at most three quarters of the duration.
    #[arg(long, env = "KIVI_LEASE_RENEW_DEADLINE", default_value = "10s", value_parser = duration)]
    pub lease_renew_deadline: Duration,

    /// How often one who stands by looks.
    #[arg(long, env = "KIVI_LEASE_RETRY_PERIOD", default_value = "1s", value_parser = duration)]
    pub lease_retry_period: Duration,
}

impl ElectionArgs {
    /// The times, if they fit each other.
    ///
    /// # Errors
    /// When two could lead at once.
    pub fn timing(&self) -> Result<Timing, TimingError> {
        Timing::new(self.lease_duration, self.lease_renew_deadline, self.lease_retry_period)
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<DurationString>().map(|duration| duration.get()).map_err(|error| error.to_string())
}
