//! The CustomResourceDefinitions, as objects and as YAML.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;

use crate::{KeyValueStore, KeyValueStoreBackup};

/// The definition of `KeyValueStore`, as it is installed.
///
/// No field is nullable: a `null` that a user writes is dropped by the API server, which then fills in the
/// field's default. A nullable field would keep the `null`, and rules would have to reckon with it.
pub fn crd() -> CustomResourceDefinition {
    tidied(KeyValueStore::crd())
}

/// The definition of `KeyValueStoreBackup`, as it is installed.
pub fn backup_crd() -> CustomResourceDefinition {
    tidied(KeyValueStoreBackup::crd())
}

/// Every definition. The name of each is that of its file, less `.yaml`.
pub fn definitions() -> [CustomResourceDefinition; 2] {
    [crd(), backup_crd()]
}

fn tidied(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    crd.spec
        .versions
        .iter_mut()
        .filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut())
        .for_each(tidy);
    crd
}

fn tidy(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    // The name of a Rust type says nothing to a user.
    schema.title = None;
    // The lines of a doc comment are one sentence.
    schema.description = schema.description.take().map(|text| text.replace('\n', " "));
    // The API server prunes unknown fields by itself, and refuses to be told so.
    if let Some(JSONSchemaPropsOrBool::Bool(false)) = schema.additional_properties {
        schema.additional_properties = None;
    }
    schema.properties.iter_mut().flat_map(|properties| properties.values_mut()).for_each(tidy);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        tidy(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        tidy(values);
    }
}

/// Definitions as YAML, for `kubectl apply` and for the chart.
///
/// # Errors
/// When a definition cannot be written as YAML.
pub fn crd_yaml(definitions: &[CustomResourceDefinition]) -> Result<String, serde_yaml::Error> {
    let documents: Vec<String> = definitions.iter().map(serde_yaml::to_string).collect::<Result<_, _>>()?;
    Ok(documents.join("---\n"))
}
