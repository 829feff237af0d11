//! `kivi-bench server` and `kivi-bench sidecar`: cases measured one behind the other, then told as tables, as figures
//! and on a page.

use std::{fs, path::PathBuf, time::Duration};

use crate::{
    case::{Effort, Suite},
    error::BenchError,
    interrupt, machine,
    report::{self, Results},
};

#[derive(Debug, clap::Args)]
pub(super) struct Measure<S: Suite> {
    #[command(flatten)]
    programs: S::Programs,
    /// Rounds; each has a turn of every subject.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each load.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Only these cases.
    #[arg(long = "case", value_enum, num_args = 1..)]
    cases: Vec<S>,
    /// A short look, with fewer keys, whose figures say little.
    #[arg(long)]
    quick: bool,
    #[arg(long, requires = "page", help = S::CURVES)]
    curves: bool,
    /// Where the figures are written.
    #[arg(long, value_name = "FILE", default_value = S::FIGURES)]
    figures: PathBuf,
    /// Where the page and the curves are written; nowhere without it.
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
}

impl<S: Suite> Measure<S> {
    pub(super) fn run(self) -> Result<(), BenchError> {
        interrupt::listen()?;
        let scratch = S::scratch(&self.programs);
        fs::create_dir_all(scratch).map_err(BenchError::io("create", scratch))?;
        let load = machine::load_average();
        machine::settle()?;
        machine::allow_many_files()?;
        let effort = self.effort();
        let mut results = Results::default();
        let cases = if self.cases.is_empty() { S::value_variants() } else { &self.cases };
        let mut failed = None;
        for case in cases {
            eprintln!("==> {}", case.name());
            match case.run(&self.programs, effort, &mut results) {
                Err(error @ BenchError::Interrupted) => return Err(error),
                // The other figures are worth having all the same.
                Err(error) => {
                    eprintln!("    {} was not measured to its end: {error}", case.name());
                    failed = Some(error);
                }
                Ok(()) => {}
            }
        }
        results.write(&self.figures)?;
        report::print(&results, S::PAGE.bars);
        let conditions = format!(
            "Medians of {} rounds, with loads of {:?} each; the load average before the run was {load}.",
            effort.rounds, effort.length
        );
        println!("{}. {conditions}\nThe figures are in {}.", machine::describe(), self.figures.display());
        if let Some(folder) = &self.page {
            if self.curves {
                eprintln!("==> curves");
                S::draw_curves(&self.programs, effort, folder)?;
            }
            S::PAGE.write(folder, &results, &conditions, &S::versions(&self.programs), self.curves)?;
        }
        failed.map_or(Ok(()), Err)
    }

    fn effort(&self) -> Effort {
        let (all, few) = S::KEYS;
        if self.quick {
            Effort { rounds: 1, length: Duration::from_millis(500), keys: few }
        } else {
            Effort { rounds: self.rounds, length: Duration::from_secs_f64(self.seconds), keys: all }
        }
    }
}
