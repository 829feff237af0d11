//! `kivi-bench sidecar`.

use std::{path::PathBuf, time::Duration};

use clap::ValueEnum;

use crate::{
    case::{self, Effort, SidecarCase},
    error::BenchError,
    interrupt, machine,
    report::{self, Results},
    subject::ProxyPrograms,
};

#[derive(Debug, clap::Args)]
pub(super) struct Sidecar {
    #[command(flatten)]
    programs: ProxyPrograms,
    /// Rounds; each has a turn of every subject.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each load.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Only these cases.
    #[arg(long = "case", value_enum, num_args = 1..)]
    cases: Vec<SidecarCase>,
    /// A short look, with fewer keys, whose figures say little.
    #[arg(long)]
    quick: bool,
    /// Also draw requests a second against connections, and against the bytes of an answer; beside the page.
    #[arg(long, requires = "page")]
    curves: bool,
    /// Where the figures are written.
    #[arg(long, value_name = "FILE", default_value = "target/bench/sidecar.jsonl")]
    figures: PathBuf,
    /// Where the page and the curves are written; nowhere without it.
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
}

impl Sidecar {
    pub(super) fn run(self) -> Result<(), BenchError> {
        interrupt::listen()?;
        let scratch = &self.programs.scratch;
        std::fs::create_dir_all(scratch).map_err(BenchError::io("create", scratch))?;
        let load = machine::load_average();
        machine::settle()?;
        machine::allow_many_files()?;
        let effort = self.effort();
        let mut results = Results::default();
        let cases = if self.cases.is_empty() { SidecarCase::value_variants() } else { &self.cases };
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
        report::print(&results, &report::SIDECAR);
        let conditions = format!(
            "Medians of {} rounds, with loads of {:?} each; the load average before the run was {load}.",
            effort.rounds, effort.length
        );
        println!("{}. {conditions}\nThe figures are in {}.", machine::describe(), self.figures.display());
        if let Some(folder) = &self.page {
            if self.curves {
                eprintln!("==> curves");
                case::draw_sidecar_curves(&self.programs, effort, folder)?;
            }
            let path = folder.join("sidecar.md");
            report::write_sidecar_page(&path, &results, &conditions, &self.programs.versions(), self.curves)?;
        }
        failed.map_or(Ok(()), Err)
    }

    fn effort(&self) -> Effort {
        if self.quick {
            Effort { rounds: 1, length: Duration::from_millis(500), keys: 1000 }
        } else {
            // What nginx keeps are files that it holds open.
            Effort { rounds: self.rounds, length: Duration::from_secs_f64(self.seconds), keys: 5000 }
        }
    }
}
