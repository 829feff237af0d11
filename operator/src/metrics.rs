//! What the operator counts. No store and no namespace in a label: the series are as many as the reasons.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The operator's metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    reconciliations: Counter,
    failures: Family<Failure, Counter>,
    duration: Histogram,
    status_writes: Counter,
    leader: Gauge,
    lease_failures: Counter,
    backups: Family<BackupEnd, Counter>,
}

/// How a backup ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum BackupResult {
    /// It is made.
    Succeeded,
    /// It is not.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BackupEnd {
    result: BackupResult,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

impl Metrics {
    /// Registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            reconciliations: Counter::default(),
            failures: Family::default(),
            duration: Histogram::new(exponential_buckets(0.005, 2.0, 14)),
            status_writes: Counter::default(),
            backups: Family::default(),
            leader: Gauge::default(),
            lease_failures: Counter::default(),
        };
        let registry = registry.sub_registry_with_prefix("kivi_operator");
        registry.register("reconciliations", "Reconciliations begun", metrics.reconciliations.clone());
        registry.register(
            "reconciliation_failures",
            "Reconciliations that failed, by reason",
            metrics.failures.clone(),
        );
        registry.register_with_unit(
            "reconciliation_duration",
            "Time of a reconciliation",
            Unit::Seconds,
            metrics.duration.clone(),
        );
        registry.register(
            "status_writes",
            "Times that a status was written; none at rest",
            metrics.status_writes.clone(),
        );
        registry.register("backups", "Backups that ended, by result", metrics.backups.clone());
        for result in [BackupResult::Succeeded, BackupResult::Failed] {
            // A rate needs the zero before the first.
            metrics.backups.get_or_create(&BackupEnd { result }).inc_by(0);
        }
        registry.register(
            "leader",
            "1 while this operator reconciles, 0 while it stands by",
            metrics.leader.clone(),
        );
        registry.register(
            "lease_failures",
            "Calls about the Lease that failed; a leader stops when none succeeds in time",
            metrics.lease_failures.clone(),
        );
        let build = Family::<Build, Gauge>::default();
        build.get_or_create(&Build { version: kivi_crds::RELEASE }).set(1);
        registry.register("build_info", "The operator's release", build);
        metrics
    }

    /// A reconciliation ended after this time, with this reason where it failed.
    pub fn reconciled(&self, took: Duration, failure: Option<&'static str>) {
        self.reconciliations.inc();
        self.duration.observe(took.as_secs_f64());
        if let Some(reason) = failure {
            self.failures.get_or_create(&Failure { reason: reason.to_owned() }).inc();
        }
    }

    /// A backup ended.
    pub fn backed_up(&self, result: BackupResult) {
        self.backups.get_or_create(&BackupEnd { result }).inc();
    }

    /// This operator reconciles, or does so no more.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// A call about the Lease failed.
    pub fn lease_failed(&self) {
        self.lease_failures.inc();
    }

    /// A status was written.
    pub fn status_written(&self) {
        self.status_writes.inc();
    }
}
