//! Lists in the value of one flag.

use std::str::FromStr;

/// The items of a list.
#[derive(Clone, Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

/// Reads names that are separated by commas, with or without spaces.
pub(crate) fn list<T: FromStr>(text: &str) -> Result<List<T>, &'static str> {
    let items = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    let items: Result<_, _> = items.map(str::parse).collect();
    items.map(List).map_err(|_| "not a list of names")
}
