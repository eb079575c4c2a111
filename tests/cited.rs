//! Every statement of the protocol that is spoken here has a test that names it.

use std::collections::BTreeSet;
use std::path::Path;

/// The statements, by the number of the last one of each chapter.
const STATEMENTS: [(&str, u8); 5] = [
    ("CORE", 35),
    ("CRE", 16),
    ("CWU", 7),
    ("DEF", 5),
    ("TERM", 5),
];

/// Those that no test here can name yet.
const MISSING: [(&str, &str); 1] = [(
    "CORE-12",
    "creation is always spoken; Discovery's own test is about none",
)];

/// The text of all tests but this one.
fn tests(dir: &Path) -> String {
    let mut text = String::new();
    for entry in dir.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") {
            text += &tests(&path);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with(file!()) {
            text += &std::fs::read_to_string(path).unwrap();
        }
    }
    text
}

#[test]
fn every_statement_is_named_by_a_test() {
    let tests = tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
    let named = |chapter: &str, number: u8| {
        let function = format!("fn {}_{number:02}_", chapter.to_lowercase());
        tests.contains(&format!("{chapter}-{number:02}")) || tests.contains(&function)
    };
    let statements = STATEMENTS
        .iter()
        .flat_map(|&(chapter, last)| (1..=last).map(move |number| (chapter, number)));
    let unnamed: BTreeSet<_> = statements
        .filter(|&(chapter, number)| !named(chapter, number))
        .map(|(chapter, number)| format!("{chapter}-{number:02}"))
        .collect();
    let missing = MISSING.map(|(statement, _)| statement.to_owned()).into();
    assert_eq!(
        unnamed, missing,
        "left: what no test names; right: what need not be named"
    );
}
