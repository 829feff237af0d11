//! What is generated, from what, and whether the file on disk still says the same.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::values::{self, ValuesError};

const OPENAPI: &str = "docs/reference/openapi.json";
const OPENAPI_SERVED: &str = "server/src/routes/openapi.json";
const CHART: &str = "charts/kivi-operator";
const BEGIN: &str = "<!-- values: generated from values.yaml -->\n";
const END: &str = "<!-- values: end -->\n";

/// A file whose content follows from other files.
pub(crate) struct Artefact {
    /// Its path below the project's root.
    pub(crate) path: String,
    content: String,
}

impl Artefact {
    /// Writes the file.
    pub(crate) fn write(&self, root: &Path) -> Result<(), GenerateError> {
        let path = root.join(&self.path);
        fs::write(&path, &self.content).map_err(|source| GenerateError::Write { path, source })
    }
}

/// The generated files whose content on disk differs from what would be written.
pub(crate) fn stale(root: &Path) -> Result<Vec<Artefact>, GenerateError> {
    let mut stale = Vec::new();
    let others = [readme(root)?, openapi()?, openapi_served()];
    for artefact in definitions()?.into_iter().chain(others) {
        let on_disk = fs::read_to_string(root.join(&artefact.path)).unwrap_or_default();
        if on_disk != artefact.content {
            stale.push(artefact);
        }
    }
    Ok(stale)
}

/// The resource definitions; the chart can read only files of its own folder, so it holds a copy of each.
fn definitions() -> Result<Vec<Artefact>, GenerateError> {
    let mut artefacts = Vec::new();
    for definition in kivi_crds::definitions() {
        let name = definition.metadata.name.clone().unwrap_or_default();
        let content = kivi_crds::crd_yaml(&[definition]).map_err(GenerateError::Definition)?;
        for folder in ["crds".to_owned(), format!("{CHART}/files/crds")] {
            artefacts.push(Artefact { path: format!("{folder}/{name}.yaml"), content: content.clone() });
        }
    }
    Ok(artefacts)
}

fn readme(root: &Path) -> Result<Artefact, GenerateError> {
    let path = root.join(CHART).join("README.md");
    let text = read(&path)?;
    let table = values::table(&read(&root.join(CHART).join("values.yaml"))?)?;
    let content = splice(&text, &table).ok_or(GenerateError::Markers { path })?;
    Ok(Artefact { path: format!("{CHART}/README.md"), content })
}

/// The API's description, for people.
fn openapi() -> Result<Artefact, GenerateError> {
    let text = serde_json::to_string_pretty(&kivi_api::openapi::document()).map_err(GenerateError::Json)?;
    Ok(Artefact { path: OPENAPI.to_owned(), content: text + "\n" })
}

/// The same as the server embeds it, so that what makes it is no part of the server, in the fewest bytes.
fn openapi_served() -> Artefact {
    Artefact { path: OPENAPI_SERVED.to_owned(), content: kivi_api::openapi::document().to_string() }
}

/// Replaces what stands between the two markers.
fn splice(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}\n{END}{after}"))
}

fn read(path: &Path) -> Result<String, GenerateError> {
    fs::read_to_string(path).map_err(|source| GenerateError::Read { path: path.to_owned(), source })
}

/// Why a file could not be generated.
#[derive(Debug, Error)]
pub(crate) enum GenerateError {
    /// A source could not be read.
    #[error("reading {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// A generated file could not be written.
    #[error("writing {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// The README lost the place of its table.
    #[error("{}: the lines `{}` and `{}` must frame the table of values", path.display(), BEGIN.trim_end(), END.trim_end())]
    Markers { path: PathBuf },
    /// A resource definition is no YAML.
    #[error("a resource definition: {0}")]
    Definition(serde_yaml::Error),
    /// The API's description is no JSON.
    #[error("{OPENAPI}: {0}")]
    Json(serde_json::Error),
    /// The chart's values are not documented.
    #[error("values.yaml: {0}")]
    Values(#[from] ValuesError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_replaces_what_stood_between_the_markers() {
        let text = format!("# Chart\n{BEGIN}old\n{END}end\n");
        assert_eq!(splice(&text, "| new |").unwrap(), format!("# Chart\n{BEGIN}\n| new |\n{END}end\n"));
        assert!(splice("# no markers", "").is_none());
    }
}
