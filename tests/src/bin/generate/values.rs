//! The table of a chart's values: each key with the comment `# --` above it, its default and its meaning.
//! Pure: text in, text out.

use std::fmt::Write as _;

use serde_yaml::Value;
use thiserror::Error;

/// Renders the Markdown table of a `values.yaml`, in the file's order.
///
/// # Errors
/// When the text is not YAML, or a value has no `# --` comment of its own or of a parent.
pub(crate) fn table(text: &str) -> Result<String, ValuesError> {
    let values: Value = serde_yaml::from_str(text)?;
    let rows = rows(text);
    if let Some(path) = leaves("", &values).into_iter().find(|leaf| !covered(leaf, &rows)) {
        return Err(ValuesError::Undocumented { path });
    }
    let mut table = "| Value | Default | Meaning |\n| --- | --- | --- |\n".to_owned();
    for Row { path, meaning } in rows {
        let default = lookup(&values, &path).map_or_else(String::new, compact);
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{path}` | `{default}` | {meaning} |");
    }
    Ok(table)
}

struct Row {
    path: String,
    meaning: String,
}

/// Keys with a `# --` comment directly above them. Depth follows indentation, two spaces a level.
fn rows(text: &str) -> Vec<Row> {
    let (mut rows, mut parents, mut meaning) = (Vec::new(), Vec::<&str>::new(), None);
    for line in text.lines() {
        let bare = line.trim_start();
        if let Some(comment) = bare.strip_prefix("# -- ") {
            meaning = Some(comment.replace('|', "\\|"));
        } else if let Some((key, _)) = bare.split_once(':').filter(|_| !bare.starts_with('#')) {
            parents.truncate((line.len() - bare.len()) / 2);
            parents.push(key);
            if let Some(meaning) = meaning.take() {
                rows.push(Row { path: parents.join("."), meaning });
            }
        }
    }
    rows
}

fn leaves(prefix: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Mapping(map) if !map.is_empty() => map
            .iter()
            .filter_map(|(key, value)| Some((key.as_str()?, value)))
            .flat_map(|(key, value)| {
                let path = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
                leaves(&path, value)
            })
            .collect(),
        _ => vec![prefix.to_owned()],
    }
}

fn covered(leaf: &str, rows: &[Row]) -> bool {
    rows.iter().any(|row| leaf == row.path || leaf.starts_with(&format!("{}.", row.path)))
}

fn lookup<'a>(values: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(values, |value, key| value.get(key))
}

fn compact(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Why the table could not be rendered.
#[derive(Debug, Error)]
pub(crate) enum ValuesError {
    /// The text is not YAML.
    #[error("not YAML: {0}")]
    Yaml(#[from] serde_yaml::Error),
    /// A value that users can set is not explained.
    #[error("`{path}` has no comment: write a line `# -- what it does` above it")]
    Undocumented { path: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_documented_key_becomes_a_row_with_its_default() {
        let text = "image:\n  # -- Where from: a|b.\n  registry: x/y\n# -- All of it.\nresources:\n  limits: {a: 1}\n";
        assert_eq!(
            table(text).unwrap(),
            "| Value | Default | Meaning |\n| --- | --- | --- |\n\
             | `image.registry` | `\"x/y\"` | Where from: a\\|b. |\n\
             | `resources` | `{\"limits\":{\"a\":1}}` | All of it. |\n"
        );
    }

    #[test]
    fn an_undocumented_value_is_an_error_that_names_it() {
        let error = table("a:\n  b: 1\n").unwrap_err().to_string();
        assert!(error.starts_with("`a.b` has no comment"), "{error}");
    }
}
