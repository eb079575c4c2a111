//! What cannot be done: one line on stderr, and an exit code.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::Stdio;

use tempfile::TempDir;

use crate::harness::{Server, command, patient};
use crate::{client, home, run};

#[tokio::test]
async fn what_is_wrong_with_a_command_line_is_one_line_and_exit_code_2() {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("data")).unwrap();
    for (args, expected) in [
        (&["ls", "-nothing"][..], "'--nothing'"),
        (&["rm"], "<ID>"),
        (&["show", "../a"], "not an upload id"),
        (&["list"], "'list'"),
        (&["sweep", "-older-than=1"], "needs a unit"),
        (&["ls", "-hooks-plugin=a"], "not built in"),
        (
            &["rm", "a", "-hooks-dir=a", "-hooks-http=b"],
            "cannot be used together",
        ),
    ] {
        let ran = run(home.path(), args).await;
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains(expected) && ran.out.is_empty(), "{ran:?}");
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    }
}

#[tokio::test]
async fn a_directory_that_cannot_be_read_is_one_line_and_exit_code_1() {
    let home = TempDir::new().unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    symlink("loop", home.path().join("loop")).unwrap();
    for dir in ["nothing", "file", "loop"] {
        for name in ["ls", "show", "rm", "verify", "sweep"] {
            let args = [name, "-upload-dir", dir, "a"];
            let args = match name {
                "show" | "rm" => &args[..],
                _ => &args[..3],
            };
            let ran = run(home.path(), args).await;
            assert_eq!(ran.code, Some(1), "{ran:?}");
            let line = format!("tower-tusd: cannot read the upload directory {dir}: ");
            assert!(ran.err.starts_with(&line) && ran.out.is_empty(), "{ran:?}");
            assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
        }
        assert!(!home.path().join("nothing").exists(), "it was made");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_behind_stdout_is_a_failure() {
    let server = Server::start(&[]).await;
    client(&server).create(5).await;
    let mut ls = command(home(&server), &["ls"]);
    ls.stdout(File::options().write(true).open("/dev/full").unwrap());
    let ls = ls.stderr(Stdio::piped()).spawn().unwrap();
    let output = patient(ls.wait_with_output()).await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("cannot write to stdout"), "{err}");
}

#[tokio::test]
async fn help_and_version_go_to_stdout() {
    let home = TempDir::new().unwrap();
    let help = run(home.path(), &["-help"]).await.fine();
    for name in ["ls", "show", "rm", "verify", "sweep"] {
        assert!(help.out.contains(&format!("  {name} ")), "{}", help.out);
        let own = run(home.path(), &[name, "-help"]).await.fine();
        let usage = format!("Usage: tower-tusd {name} ");
        assert!(own.out.contains(&usage), "{}", own.out);
    }
    let version = run(home.path(), &["ls", "-version"]).await.fine();
    assert!(version.out.starts_with("tower-tusd "), "{}", version.out);
}
