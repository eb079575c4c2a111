//! External programs and features that some tests need.

use std::io::Write;
use std::net::{Ipv6Addr, TcpListener};
use std::process::Stdio;

use tokio::process::Command;

/// Returns whether a test that needs `what` can run.
///
/// If `present` is false, prints a line to stderr that begins with `skipped: `,
/// which CI counts. With `TOWER_TUS_REQUIRE_SERVICES=1`, as in CI, the test
/// fails instead.
#[must_use]
#[track_caller]
pub(crate) fn require(what: &str, present: bool, install: &str) -> bool {
    if present {
        return true;
    }
    let required = std::env::var_os("TOWER_TUS_REQUIRE_SERVICES");
    assert!(
        required.is_none_or(|value| value != "1"),
        "{what} is missing (install: {install})"
    );
    skip(what, &format!("install: {install}"));
    false
}

/// Returns whether a test that needs a feature of the kernel, or a permission,
/// can run. Unlike [`require`], it never fails: nothing can be installed.
#[must_use]
pub(crate) fn kernel_has(what: &str, present: bool) -> bool {
    if !present {
        skip(what, "the kernel does not offer it here");
    }
    present
}

fn skip(what: &str, remedy: &str) {
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test");
    let line = format!("skipped: {what}, which {test} needs ({remedy})\n");
    // The test harness shows `eprintln!` output of failed tests only. Begin
    // with a line break, because the harness may just have printed the name of
    // a test.
    let _ = std::io::stderr().write_all(format!("\n{line}").as_bytes());
}

/// Returns whether an unprivileged process can create mounts of its own.
pub(crate) async fn user_namespaces() -> bool {
    let unshare = Command::new("unshare")
        .args(["-Urm", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let present = unshare.await.is_ok_and(|status| status.success());
    let install = "apt-get install util-linux; sysctl kernel.unprivileged_userns_clone=1";
    require("a user namespace", present, install)
}

/// Returns whether the loopback interface has an IPv6 address.
pub(crate) fn ipv6() -> bool {
    let present = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    let install = "sysctl net.ipv6.conf.lo.disable_ipv6=0";
    require("IPv6", present, install)
}

/// Returns whether a program is installed, by running it with `--version`.
pub(crate) async fn has(program: &str) -> bool {
    let version = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    version.await.is_ok_and(|status| status.success())
}
