//! What is demanded of Kivi: each bar compares one of its medians with a peer's, or with a number.

use super::results::Results;

/// One demand.
#[derive(Debug)]
pub(crate) struct Bar {
    case: &'static str,
    metric: &'static str,
    side: Side,
    against: Against,
    /// Whose figures of the same case tell more of it.
    beside: &'static [(&'static str, &'static str)],
}

#[derive(Debug, Clone, Copy)]
enum Side {
    AtLeast,
    AtMost,
}

#[derive(Debug, Clone, Copy)]
enum Against {
    /// So many times the same figure of a peer.
    Peer(f64, &'static str),
    /// A number.
    Number(f64),
}

/// How a bar was met.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    /// The demand in words.
    pub(super) demand: String,
    /// The case it is of.
    pub(super) case: &'static str,
    /// Kivi's figure, or its ratio to the peer's.
    pub(super) reached: f64,
    pub(super) met: bool,
    /// Figures to be read with it: subject, metric, median.
    pub(super) beside: Vec<(&'static str, &'static str, f64)>,
}

/// The bars of the server.
pub(super) const SERVER: [Bar; 11] = [
    bar("get-256", "rps", Side::AtLeast, Against::Peer(1.0, "nginx-return")),
    bar("get-256", "rps", Side::AtLeast, Against::Peer(2.0, "go-map")),
    bar("put-256-fsync", "rps", Side::AtLeast, Against::Peer(1.0, "redis-always")),
    bar("put-256-fsync", "rps", Side::AtLeast, Against::Peer(8.0, "etcd-json")),
    bar("put-256-fsync", "rps", Side::AtLeast, Against::Peer(2.0, "go-map")),
    bar("put-1conn-fsync", "rps", Side::AtLeast, Against::Peer(0.8, "limit")),
    bar("replay-1m", "records_per_s", Side::AtLeast, Against::Number(2_000_000.0)),
    bar("replay-1m", "start_s", Side::AtMost, Against::Number(1.0)),
    bar("memory-1m", "bytes_per_key", Side::AtMost, Against::Peer(1.0, "redis-everysec")),
    bar("compaction", "p99_ratio", Side::AtMost, Against::Number(2.0)),
    bar("compaction", "extra_memory_ratio", Side::AtMost, Against::Number(0.1)),
];

/// The bars of the sidecar.
pub(super) const SIDECAR: [Bar; 12] = [
    bar("cache-hit", "rps", Side::AtLeast, Against::Peer(1.2, "nginx")),
    bar("cache-hit", "rps", Side::AtLeast, Against::Peer(2.0, "varnish")),
    bar("proxy-get", "rps", Side::AtLeast, Against::Peer(1.2, "nginx")),
    bar("proxy-get", "rps", Side::AtLeast, Against::Peer(1.2, "haproxy")),
    bar("proxy-get", "p99_ms", Side::AtMost, Against::Peer(1.0, "nginx")),
    bar("proxy-get", "p99_ms", Side::AtMost, Against::Peer(1.0, "haproxy")),
    bar("stampede-10k", "upstream_loads", Side::AtMost, Against::Number(1.0)),
    bar("stampede-10k", "failed", Side::AtMost, Against::Number(0.0)),
    bar("stampede-10k", "wake_p99_ms", Side::AtMost, Against::Number(1.0))
        // What answering such a crowd takes without a proxy, and when Kivi begins.
        .beside(&[("direct", "wake_p99_ms"), ("kivi", "wake_first_ms")]),
    bar("added-latency-1k", "added_p99_ms", Side::AtMost, Against::Number(1.0)),
    bar("memory-idle", "rss_mb", Side::AtMost, Against::Number(15.0)),
    bar("memory-conn", "kib_per_connection", Side::AtMost, Against::Number(90.0)),
];

/// The bars of the operator.
#[cfg(feature = "operator")]
pub(super) const OPERATOR: [Bar; 4] = [
    bar("ready", "s", Side::AtMost, Against::Peer(1.2, "statefulset")),
    bar("stores-1000", "rss_mb", Side::AtMost, Against::Number(64.0)),
    bar("stores-1000", "reaction_p99_s", Side::AtMost, Against::Number(1.0)),
    bar("stores-1000", "writes_at_rest", Side::AtMost, Against::Number(0.0)),
];

const fn bar(case: &'static str, metric: &'static str, side: Side, against: Against) -> Bar {
    Bar { case, metric, side, against, beside: &[] }
}

impl Bar {
    const fn beside(self, beside: &'static [(&'static str, &'static str)]) -> Self {
        Self { beside, ..self }
    }

    /// None where a figure it needs was not measured.
    pub(super) fn judge(&self, results: &Results) -> Option<Verdict> {
        let own = results.median(self.case, "kivi", self.metric)?;
        let (reached, limit, unit) = match self.against {
            Against::Peer(factor, peer) => {
                let ratio = own / results.median(self.case, peer, self.metric)?;
                (ratio, factor, format!(" x {peer}"))
            }
            Against::Number(limit) => (own, limit, String::new()),
        };
        let (sign, met) = match self.side {
            Side::AtLeast => (">=", reached >= limit),
            Side::AtMost => ("<=", reached <= limit),
        };
        let demand = format!("{} {sign} {limit}{unit}", self.metric);
        let figure =
            |&(subject, metric)| Some((subject, metric, results.median(self.case, subject, metric)?));
        let beside = self.beside.iter().filter_map(figure).collect();
        Some(Verdict { demand, case: self.case, reached, met, beside })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Metric, *};

    fn results(figures: &[(&'static str, &'static str, f64)]) -> Results {
        let mut results = Results::default();
        for &(subject, name, value) in figures {
            results.add(Metric { case: "c", subject, name, unit: "" }, value);
        }
        results
    }

    #[test]
    fn a_bar_beside_a_peer_is_a_ratio_of_medians() {
        let more = bar("c", "rps", Side::AtLeast, Against::Peer(2.0, "peer"));
        let verdict = more.judge(&results(&[("kivi", "rps", 30.0), ("peer", "rps", 20.0)])).unwrap();
        assert_eq!((verdict.reached, verdict.met), (1.5, false));
        assert_eq!(verdict.demand, "rps >= 2 x peer");
        let less = bar("c", "bytes", Side::AtMost, Against::Peer(2.0, "peer"));
        assert!(less.judge(&results(&[("kivi", "bytes", 30.0), ("peer", "bytes", 20.0)])).unwrap().met);
    }

    #[test]
    fn nothing_is_said_of_what_was_not_measured() {
        let beside = bar("c", "rps", Side::AtLeast, Against::Peer(1.0, "peer"));
        assert_eq!(beside.judge(&results(&[("kivi", "rps", 1.0)])), None);
        let number = bar("c", "rps", Side::AtMost, Against::Number(1.0));
        assert!(number.judge(&results(&[("kivi", "rps", 1.0)])).unwrap().met);
    }

    #[test]
    fn figures_beside_a_bar_do_not_change_its_verdict() {
        let alone = bar("c", "ms", Side::AtMost, Against::Number(1.0));
        let beside = alone.beside(&[("peer", "ms"), ("kivi", "first_ms")]);
        let verdict = beside.judge(&results(&[("kivi", "ms", 2.0), ("peer", "ms", 3.0)])).unwrap();
        assert_eq!((verdict.met, verdict.beside), (false, vec![("peer", "ms", 3.0)]));
    }
}
