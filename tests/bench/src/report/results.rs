//! Figures of all rounds, and their medians.

use std::{fs, path::Path};

use serde_json::json;

use crate::error::BenchError;

/// What was measured, of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metric {
    pub(crate) case: &'static str,
    pub(crate) subject: &'static str,
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
}

/// A metric's figures, one a round.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) metric: Metric,
    rounds: Vec<f64>,
}

/// All figures, in the order in which they were first measured.
#[derive(Debug, Default)]
pub(crate) struct Results {
    rows: Vec<Row>,
}

impl Row {
    /// The median of its rounds.
    pub(super) fn median(&self) -> f64 {
        let middle = self.rounds.len() / 2;
        if self.rounds.len() % 2 == 1 {
            self.rounds[middle]
        } else {
            f64::midpoint(self.rounds[middle - 1], self.rounds[middle])
        }
    }

    /// The lowest and the highest round.
    pub(super) fn range(&self) -> (f64, f64) {
        (self.rounds[0], self.rounds[self.rounds.len() - 1])
    }
}

impl Results {
    /// Adds a round's figure.
    pub(crate) fn add(&mut self, metric: Metric, value: f64) {
        let at = self.rows.iter().position(|row| row.metric == metric).unwrap_or_else(|| {
            self.rows.push(Row { metric, rounds: Vec::new() });
            self.rows.len() - 1
        });
        let rounds = &mut self.rows[at].rounds;
        rounds.insert(rounds.partition_point(|round| *round < value), value);
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The median of a metric that was measured.
    pub(super) fn median(&self, case: &str, subject: &str, name: &str) -> Option<f64> {
        let is_it =
            |row: &&Row| row.metric.case == case && row.metric.subject == subject && row.metric.name == name;
        self.rows.iter().find(is_it).map(Row::median)
    }

    /// Writes the medians, an object a line.
    pub(crate) fn write(&self, path: &Path) -> Result<(), BenchError> {
        let mut lines = String::new();
        for row in &self.rows {
            let Metric { case, subject, name, unit } = row.metric;
            let value = row.median();
            let line =
                json!({"case": case, "subject": subject, "metric": name, "value": value, "unit": unit});
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
        fs::write(path, lines).map_err(BenchError::io("write", path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRIC: Metric = Metric { case: "get-256", subject: "kivi", name: "rps", unit: "1/s" };

    #[test]
    fn a_figure_is_the_median_of_its_rounds() {
        let mut results = Results::default();
        for round in [5.0, 100.0, 1.0, 4.0] {
            results.add(METRIC, round);
        }
        assert_eq!(results.median("get-256", "kivi", "rps"), Some(4.5));
        results.add(METRIC, 0.5);
        assert_eq!(results.median("get-256", "kivi", "rps"), Some(4.0));
        assert_eq!(results.rows()[0].range(), (0.5, 100.0));
        assert_eq!(results.median("get-256", "kivi", "p99_ms"), None);
    }

    #[test]
    fn each_line_is_an_object_of_five_fields() {
        let mut results = Results::default();
        results.add(METRIC, 1.5);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.jsonl");
        results.write(&path).unwrap();
        let line: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let expected =
            json!({"case": "get-256", "subject": "kivi", "metric": "rps", "value": 1.5, "unit": "1/s"});
        assert_eq!(line, expected);
    }
}
