//! As whom the operator writes: the API server keeps who wrote each field of an object.

/// Who owns the fields that the operator writes.
pub const FIELD_MANAGER: &str = "kivi-operator";
