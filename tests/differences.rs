//! Every documented difference from tusd is covered by a test.

use std::path::Path;

/// Returns the text of all tests.
fn code(dir: &Path) -> String {
    let mut text = String::new();
    for entry in dir.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") {
            text += &code(&path);
        } else if path.extension().is_some_and(|it| it == "rs") {
            text += &std::fs::read_to_string(path).unwrap();
        }
    }
    text
}

#[test]
fn every_difference_names_a_test_that_is_there() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = ["tests", "src", "layers"]
        .map(|dir| code(&package.join(dir)))
        .concat();
    let page = include_str!("../docs/differences-from-tusd.md");
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let rows = rows.filter(|row| !row.starts_with("|---") && !row.starts_with("| here |"));
    let mut untested = Vec::new();
    for row in rows {
        let cell = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
        let is_there = |name: &&str| tests.contains(&format!("fn {name}("));
        if names.is_empty() || !names.iter().all(is_there) {
            untested.push(row);
        }
    }
    assert!(untested.is_empty(), "{untested:#?}");
}
