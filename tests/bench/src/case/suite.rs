//! What the cases of the server and those of the sidecar have in common: how a command measures them.

use std::path::Path;

use clap::ValueEnum;

use super::Effort;
use crate::{
    error::BenchError,
    report::{Page, Results},
};

/// Cases that one command measures, and the page that tells of them.
pub(crate) trait Suite: ValueEnum + Send + Sync + 'static {
    /// Where the programs are that are measured.
    type Programs: clap::Args + std::fmt::Debug;

    const PAGE: Page;
    /// Where the figures are written by default.
    const FIGURES: &'static str;
    /// What the option for curves says of itself.
    const CURVES: &'static str;
    /// Keys of a run, and of a quick look.
    const KEYS: (usize, usize);

    /// As the command line and the figures write it.
    fn name(&self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Measures it.
    fn run(&self, programs: &Self::Programs, effort: Effort, results: &mut Results)
    -> Result<(), BenchError>;

    /// Draws into `folder` what one figure cannot say.
    fn draw_curves(programs: &Self::Programs, effort: Effort, folder: &Path) -> Result<(), BenchError>;

    /// Where subjects keep their files.
    fn scratch(programs: &Self::Programs) -> &Path;

    /// Which the peers are.
    fn versions(programs: &Self::Programs) -> String;
}
