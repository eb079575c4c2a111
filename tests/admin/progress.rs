//! The progress of a command that takes long.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use crate::Ran;
use crate::harness::services::require;
use crate::harness::{command, patient};
use crate::leftovers::make_old;

const LEFTOVERS: usize = 1_000;

/// Fills `home/data` with more leftovers than a pipe has room for lines about them.
fn fill(home: &Path) {
    let data = home.join("data");
    fs::create_dir(&data).unwrap();
    for number in 0..LEFTOVERS {
        let path = data.join(format!("{}-{number}", "x".repeat(100)));
        fs::write(&path, "hello").unwrap();
        make_old(&path);
    }
}

/// Runs a command, and reads what it prints so slowly that it takes long.
async fn run_slowly(mut command: Command) -> Ran {
    let command = command.stdin(Stdio::null()).kill_on_drop(true);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    let mut stdout = BufReader::new(running.stdout.take().unwrap());
    let mut stderr = running.stderr.take().unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    patient(stdout.read_line(&mut out)).await.unwrap();
    // It shows no progress before a second is over.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let rest = async {
        tokio::join!(
            stdout.read_to_string(&mut out),
            stderr.read_to_string(&mut err)
        )
    };
    let (read_out, read_err) = patient(rest).await;
    assert!(read_out.is_ok() && read_err.is_ok());
    let code = patient(running.wait()).await.unwrap().code();
    Ran { code, out, err }
}

#[tokio::test]
async fn on_a_terminal_progress_is_shown_and_erased_and_json_is_left_alone() {
    let version = Command::new("script").arg("--version").output().await;
    if !require("script", version.is_ok(), "apt-get install bsdutils") {
        return;
    }
    for name in ["verify", "sweep --dry-run"] {
        let home = TempDir::new().unwrap();
        fill(home.path());
        // The terminal is stderr only: stdout stays a pipe.
        let line = format!("{} {name} --json >&3", env!("CARGO_BIN_EXE_tower-tusd"));
        let mut shell = Command::new("sh");
        shell.current_dir(home.path()).env("TERM", "xterm");
        shell.args(["-c", r#"exec script -qec "$0" /dev/null 3>&1 1>&2"#, &line]);
        let ran = run_slowly(shell).await;
        assert_eq!(ran.json().len(), LEFTOVERS, "{name}");
        assert!(ran.err.contains(" looked at, "), "{name}: {:?}", ran.err);
        let (_, last) = ran.err.rsplit_once("\x1b[2K").expect("it erases the line");
        assert_eq!(last.trim_matches('\r'), "", "{name}: {:?}", ran.err);
        assert!(!ran.err.contains('\n'), "{name}: {:?}", ran.err);
    }
}

#[tokio::test]
async fn without_a_terminal_no_progress_is_shown() {
    for args in [&["verify"][..], &["sweep", "--dry-run"]] {
        let home = TempDir::new().unwrap();
        fill(home.path());
        let ran = run_slowly(command(home.path(), &[args, &["--json"]].concat())).await;
        assert_eq!(ran.json().len(), LEFTOVERS, "{args:?}");
        assert_eq!(ran.err, "", "{args:?}");
    }
}
