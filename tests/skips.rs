//! Skipped tests are counted.

#![allow(dead_code, reason = "a test file uses what it needs")]

use std::env;
use std::process::{Command, Output};

#[path = "harness/services.rs"]
mod services;

/// Set when this test binary runs a second time.
const AGAIN: &str = "TOWER_TUS_TEST_SKIPS";

/// Does nothing unless the other test runs it.
#[test]
fn the_one_that_cannot_run() {
    if env::var_os(AGAIN).is_some() {
        assert!(!services::kernel_has("a miracle", false));
        assert!(!services::require(
            "a wonder",
            false,
            "apt-get install wonder"
        ));
    }
}

fn run(required: &str) -> Output {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_one_that_cannot_run"])
        .env(AGAIN, "1")
        .env("TOWER_TUS_REQUIRE_SERVICES", required)
        .output()
        .unwrap()
}

#[test]
fn a_skipped_test_is_one_line_and_fails_where_all_services_are_required() {
    let skipped = run("0");
    assert!(skipped.status.success(), "{skipped:?}");
    let stderr = String::from_utf8(skipped.stderr).unwrap();
    let lines: Vec<_> = stderr
        .lines()
        .filter(|line| line.starts_with("skipped: "))
        .collect();
    let miracle = "skipped: a miracle, which the_one_that_cannot_run needs \
        (the kernel does not offer it here)";
    let wonder = "skipped: a wonder, which the_one_that_cannot_run needs \
        (install: apt-get install wonder)";
    assert_eq!(lines, [miracle, wonder]);

    let required = run("1");
    assert!(!required.status.success());
    let output = [required.stdout, required.stderr].concat();
    let output = String::from_utf8(output).unwrap();
    assert!(output.contains("skipped: a miracle"), "{output}");
    assert!(output.contains("a wonder is missing"), "{output}");
}
