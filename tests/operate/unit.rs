//! The systemd unit.

use std::fs::{read_to_string, write};

use tempfile::TempDir;
use tokio::process::Command;

use crate::example;
use crate::harness::services::require;
use crate::harness::{patient, run};

const UNIT: &str = "tower-tusd.service";

#[tokio::test]
async fn systemd_finds_no_fault_with_the_unit() {
    let present = Command::new("systemd-analyze").arg("--version").output();
    let present = present.await.is_ok();
    if !require("systemd-analyze", present, "apt-get install systemd") {
        return;
    }
    let home = TempDir::new().unwrap();
    let unit = home.path().join(UNIT);
    let text = read_to_string(example(UNIT)).unwrap();
    // systemd-analyze requires that the program exists.
    let program = env!("CARGO_BIN_EXE_tower-tusd");
    write(&unit, text.replace("/usr/local/bin/tower-tusd", program)).unwrap();
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["verify", "--man=no"]).arg(&unit);
    let output = patient(analyze.output()).await.unwrap();
    // An unknown setting causes a message, but no failure.
    let complaints = String::from_utf8(output.stderr).unwrap();
    assert!(!complaints.contains(UNIT), "{complaints}");
    assert!(output.status.success(), "{complaints}");
}

#[tokio::test]
async fn the_server_knows_the_flags_of_the_unit() {
    let unit = read_to_string(example(UNIT)).unwrap();
    let mut lines = unit.lines();
    let command = lines.find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/tower-tusd "));
    let flags = command.unwrap().split(' ').chain(["-version"]);
    let output = run(&flags.collect::<Vec<_>>()).await;
    assert!(output.status.success(), "{output:?}");
}
