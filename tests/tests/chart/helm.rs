//! Runs helm on the chart and reads what it rendered.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde::Deserialize;
use serde_yaml::Value;

/// The oldest supported Kubernetes: what the chart is rendered for.
const KUBE_VERSION: &str = "1.33.0";

/// A path below the project's root.
pub(crate) fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The text of a file below the project's root.
pub(crate) fn project_file(path: &str) -> String {
    let path = project(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

/// Runs helm; a test that needs it fails here, with the way to get it.
pub(crate) fn helm(arguments: &[&str]) -> Output {
    let helm = env::var_os("KIVI_HELM").map_or_else(built, PathBuf::from);
    Command::new(&helm)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("running {}: {error}: set KIVI_HELM to what `cargo run -p kivi-cluster -- tool helm` prints, or unset it", helm.display()))
}

/// The helm that the project pins, built on its first use.
fn built() -> PathBuf {
    kivi_cluster::tools::tool("helm").unwrap_or_else(|error| {
        panic!("no helm: {error}\nSee what `cargo run -p kivi-cluster -- tool helm` says, or set KIVI_HELM to a helm.")
    })
}

/// What `helm template` made of a chart with these `--set` values, or what it said.
pub(crate) fn render(chart: &Path, values: &[&str]) -> Result<Rendered, String> {
    let mut arguments = vec!["template", "kivi", chart.to_str().unwrap()];
    arguments.extend(["--namespace", "kivi-system", "--kube-version", KUBE_VERSION]);
    for value in values {
        arguments.extend(["--set", value]);
    }
    let output = helm(&arguments);
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8(output.stdout).unwrap();
    let objects = serde_yaml::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).unwrap_or_else(|error| panic!("{error}\n{text}")))
        .filter(|object| !object.is_null())
        .collect();
    Ok(Rendered { objects })
}

/// What `helm template` made of the chart, or what it said.
pub(crate) fn try_template(values: &[&str]) -> Result<Rendered, String> {
    render(&project("charts/kivi-operator"), values)
}

/// The rendered chart, which must render.
pub(crate) fn template(values: &[&str]) -> Rendered {
    try_template(values).unwrap_or_else(|error| panic!("helm template failed with {values:?}: {error}"))
}

/// Checks the chart as `helm lint --strict` does.
pub(crate) fn lint() -> Output {
    let chart = project("charts/kivi-operator");
    helm(&["lint", "--strict", "--kube-version", KUBE_VERSION, chart.to_str().unwrap()])
}

/// The objects of a rendered chart.
pub(crate) struct Rendered {
    pub(crate) objects: Vec<Value>,
}

impl Rendered {
    /// All objects of a kind.
    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        self.objects.iter().filter(|object| object["kind"] == kind).collect()
    }

    /// The only object of a kind.
    pub(crate) fn one(&self, kind: &str) -> &Value {
        let all = self.all(kind);
        assert_eq!(all.len(), 1, "{} objects of kind {kind}", all.len());
        all[0]
    }
}

/// Strings of a YAML sequence.
pub(crate) fn strings(value: &Value) -> Vec<&str> {
    value.as_sequence().into_iter().flatten().filter_map(Value::as_str).collect()
}
