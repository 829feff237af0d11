//! `kivi-bench operator`: what is asked of it, and what becomes of the figures.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::ValueEnum;

use crate::{
    error::BenchError,
    interrupt, machine,
    operator::{self, Effort},
    report::{self, OPERATOR_PAGE, Results},
};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Case {
    /// From the apply of a store to its readiness, beside the same pod as a bare StatefulSet.
    Ready,
    /// The operator with a thousand stores, in a cluster that is full of other things.
    #[value(name = "stores-1000")]
    Stores1000,
}

#[derive(Debug, clap::Args)]
pub(super) struct Measure {
    /// Rounds of `ready`; each has a turn of every subject.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Stores of `stores-1000`: another number is measured and judged under the same name.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=16_000))]
    stores: u16,
    /// Secrets, and pods, of somebody else's.
    #[arg(long, default_value_t = 10_000)]
    foreign: usize,
    /// Only these cases.
    #[arg(long = "case", value_enum, num_args = 1..)]
    cases: Vec<Case>,
    /// A short look, with one round, and a tenth of everything, whose figures say little.
    #[arg(long)]
    quick: bool,
    /// Where the figures are written.
    #[arg(long, value_name = "FILE", default_value = "target/bench/operator.jsonl")]
    figures: PathBuf,
    /// Where the page is written; nowhere without it.
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
}

impl Measure {
    pub(super) fn run(self) -> Result<(), BenchError> {
        interrupt::listen()?;
        let folder = self.figures.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(BenchError::io("create", folder))?;
        let load = machine::load_average();
        let effort = self.effort();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(BenchError::io("start", "a runtime"))?;
        let mut results = Results::default();
        let cases = if self.cases.is_empty() { Case::value_variants() } else { &self.cases };
        let mut failed = None;
        for case in cases {
            let outcome = runtime.block_on(async {
                match case {
                    Case::Ready => operator::ready(effort, &mut results).await,
                    Case::Stores1000 => operator::stores(effort, &mut results).await,
                }
            });
            match outcome {
                Err(error @ BenchError::Interrupted) => return Err(error),
                // The other figures are worth having all the same.
                Err(error) => {
                    eprintln!("    not measured to its end: {error}");
                    failed = Some(error);
                }
                Ok(()) => {}
            }
        }
        results.write(&self.figures)?;
        report::print(&results, OPERATOR_PAGE.bars);
        let Effort { rounds, stores, foreign, .. } = effort;
        let conditions = format!(
            "Medians of {rounds} rounds of `ready`; {stores} stores, {foreign} foreign Secrets and as many foreign pods; the load average before the run was {load}."
        );
        println!("{}. {conditions}\nThe figures are in {}.", machine::describe(), self.figures.display());
        if let Some(folder) = &self.page {
            let versions = "the StatefulSet controller of Kubernetes 1.34.4, which the local cluster runs";
            OPERATOR_PAGE.write(folder, &results, &conditions, versions, false)?;
        }
        failed.map_or(Ok(()), Err)
    }

    fn effort(&self) -> Effort {
        let (rounds, stores, foreign, edits) = (self.rounds, usize::from(self.stores), self.foreign, 200);
        if self.quick {
            let rest = Duration::from_secs(10);
            Effort { rounds: 1, stores: stores.div_ceil(10), foreign: foreign / 10, edits: edits / 4, rest }
        } else {
            Effort { rounds, stores, foreign, edits, rest: Duration::from_secs(60) }
        }
    }
}
