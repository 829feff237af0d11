//! A page of results: what was measured and how, the bars, the medians, the curves.

use std::{fs, path::Path};

use super::{
    bars::Bar,
    results::Results,
    table::{bars, figures},
};
use crate::{error::BenchError, machine};

/// What one set of cases has its page say.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its file, in Markdown, without the ending.
    pub(crate) name: &'static str,
    pub(super) title: &'static str,
    /// What writes it.
    pub(super) command: &'static str,
    /// What is measured, in lines of a list.
    pub(super) how: &'static str,
    pub(crate) bars: &'static [Bar],
    /// What the curves show, and their files.
    pub(super) curves: &'static [(&'static str, &'static str)],
}

impl Page {
    /// Writes it into `folder`; `conditions` says how it was measured, `versions` which the peers are.
    pub(crate) fn write(
        &self,
        folder: &Path,
        results: &Results,
        conditions: &str,
        versions: &str,
        has_curves: bool,
    ) -> Result<(), BenchError> {
        let Self { name, title, command, how, .. } = self;
        let pictures = if has_curves {
            let picture = |(what, file): &(&str, &str)| format!("\n![{what}]({file})\n");
            let pictures: Vec<String> = self.curves.iter().map(picture).collect();
            format!("\n## Curves\n{}", pictures.concat())
        } else {
            String::new()
        };
        let text = format!(
            "# {title}

This page is written by `{command}`: every figure is measured, the peers beside Kivi in the same run.

- Machine: {machine}.
- Peers: {versions}.
- {conditions}
{how}
## Bars

{bars}
## Medians

{figures}{pictures}",
            machine = machine::describe(),
            bars = bars(results, self.bars),
            figures = figures(results),
        );
        let path = folder.join(format!("{name}.md"));
        fs::create_dir_all(folder).map_err(BenchError::io("create", folder))?;
        fs::write(&path, text).map_err(BenchError::io("write", &path))
    }
}
