use std::collections::BTreeMap;

use crate::store::object::objects::{MultipartId, ObjectError, Properties, Result};

/// Keeps properties for the list of blocks.
pub(super) fn to_id(properties: &Properties) -> Result<MultipartId> {
    let id = serde_json::to_string(properties);
    id.map(MultipartId)
        .map_err(|error| ObjectError::Invalid(error.into()))
}

/// Returns the properties that were kept: none by an empty id.
pub(super) fn of_id(MultipartId(id): &MultipartId) -> Result<Properties> {
    if id.is_empty() {
        return Ok(Properties::default());
    }
    serde_json::from_str(id).map_err(|error| ObjectError::Invalid(error.into()))
}

/// Gives metadata names that Azure takes: those of variables in C#. Other characters
/// become underscores.
pub(super) fn named(metadata: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let pairs = metadata.iter();
    pairs
        .map(|(name, value)| (identifier(name), value.clone()))
        .collect()
}

fn identifier(name: &str) -> String {
    let allowed = |char: char| match char.is_ascii_alphanumeric() {
        true => char,
        false => '_',
    };
    let name: String = name.chars().map(allowed).collect();
    match name.starts_with(|first: char| first.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_those_of_variables() {
        for (name, expected) in [
            ("towertus", "towertus"),
            ("File_Name1", "File_Name1"),
            ("file-name", "file_name"),
            ("a.b!", "a_b_"),
            ("1st", "_1st"),
        ] {
            assert_eq!(identifier(name), expected);
        }
    }
}
