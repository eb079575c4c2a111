//! What some tests need besides this repository.

use std::io::Write;
use std::process::Stdio;

use tokio::process::Command;

/// Whether a test can run that needs `what`.
///
/// Where it is not `present`, one line on stderr says so, with the command that
/// installs it. With `TOWER_TUS_REQUIRE_SERVICES=1`, as in CI, the test fails instead.
#[must_use]
#[track_caller]
pub(crate) fn require(what: &str, present: bool, install: &str) -> bool {
    if present {
        return true;
    }
    let missing = format!("{what} is missing; install it with: {install}");
    let required = std::env::var_os("TOWER_TUS_REQUIRE_SERVICES");
    assert!(required.is_none_or(|value| value != "1"), "{missing}");

    let test = std::thread::current();
    let test = test.name().unwrap_or("a test");
    // `eprintln!` is not seen when the test passes.
    let _ = std::io::stderr().write_all(format!("skipped {test}: {missing}\n").as_bytes());
    false
}

/// Whether a program is installed, which tells its version.
pub(crate) async fn has(program: &str) -> bool {
    let version = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    version.await.is_ok_and(|status| status.success())
}
