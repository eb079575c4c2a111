//! Every statement of the protocol is cited where a test proves it, and every
//! MUST also where code enforces it.

use std::path::Path;

#[path = "protocol/statements.rs"]
mod statements;

use statements::{Level, STATEMENTS, Statement};

/// Statements that no check of the suite can prove, with reasons.
const UNPROVED: &[(&str, &str)] = &[(
    "CORE-12",
    "creation is always spoken; Discovery's own test is about none",
)];

/// MUSTs that no line enforces, with reasons.
const UNENFORCED: &[(&str, &str)] = &[];

/// Returns the texts of the Rust files below a directory, except for
/// `left_out`.
fn files(dir: &Path, left_out: &[&str]) -> Vec<String> {
    let entries = dir.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let kept = entries.filter(|path| left_out.iter().all(|name| !path.ends_with(name)));
    let texts = kept.flat_map(|path| match path.extension() {
        None if path.is_dir() => files(&path, left_out),
        Some(extension) if extension == "rs" => vec![std::fs::read_to_string(path).unwrap()],
        _ => Vec::new(),
    });
    texts.collect()
}

fn repository(dir: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)
}

/// Returns the comments in code, without module headers and tests.
fn comments() -> String {
    let dirs = ["src", "layers/src"].map(repository);
    let tests = ["tests", "tests.rs", "conformance.rs"];
    let texts = dirs.iter().flat_map(|dir| files(dir, &tests));
    let mut comments = String::new();
    for text in texts {
        let code = text.split("#[cfg(test)]\nmod tests {").next();
        let lines = code.unwrap().lines().map(str::trim_start);
        for line in lines.filter(|line| !line.starts_with("//!")) {
            let (_, comment) = line.split_once("//").unwrap_or_default();
            comments.extend([comment, "\n"]);
        }
    }
    comments
}

/// Expects that `text` cites all statements except for the `exceptions`, and
/// that all exceptions are needed.
#[track_caller]
fn assert_cited(
    statements: impl Iterator<Item = &'static Statement>,
    text: &str,
    exceptions: &[(&str, &str)],
) {
    let missing = statements.filter(|statement| !text.contains(statement.id));
    let missing: Vec<_> = missing
        .map(|statement| (statement.id, statement.text))
        .collect();
    let ids: Vec<_> = missing.iter().map(|(id, _)| *id).collect();
    let excepted: Vec<_> = exceptions.iter().map(|(id, _)| *id).collect();
    assert_eq!(
        ids, excepted,
        "left: what is cited nowhere: {missing:#?}; right: what need not be"
    );
}

#[test]
fn the_suite_proves_every_statement() {
    let checks = files(&repository("tests/protocol"), &["statements.rs"]).concat();
    assert_cited(STATEMENTS.iter(), &checks, UNPROVED);
}

#[test]
fn what_binds_is_cited_where_it_is_enforced() {
    let binds = |statement: &&Statement| statement.level == Level::Must;
    assert_cited(STATEMENTS.iter().filter(binds), &comments(), UNENFORCED);
}
