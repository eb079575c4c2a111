//! tusd's flags for features that do not exist here, and Go's syntax of
//! booleans.

use http::StatusCode;

use super::harness::tus::{Tus, Version};
use super::harness::{Server, command, run};

/// A flag that has an effect in tusd is rejected by name rather than ignored.
#[tokio::test]
async fn what_is_not_built_in_is_refused_by_name() {
    for (arg, named) in [
        ("-hooks-plugin=./hooks", "-hooks-plugin asks for"),
        ("-expose-pprof", "-expose-pprof asks for"),
        (
            "-enable-experimental-protocol",
            "-enable-experimental-protocol asks for",
        ),
    ] {
        let output = run(&[arg]).await;
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arg}: {complaint}");
        assert!(complaint.contains(named), "{arg}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        assert!(output.stdout.is_empty(), "{arg}");
    }
}

#[tokio::test]
async fn what_is_not_built_in_and_is_off_is_taken() {
    Server::start(&[
        "-s3-bucket=",
        "-gcs-bucket",
        "",
        "-azure-storage=",
        "-hooks-plugin=",
        "-expose-pprof=false",
        "-enable-experimental-protocol=F",
    ])
    .await;
}

#[tokio::test]
async fn flags_that_would_change_what_is_not_built_in_are_named_in_one_warning() {
    let flags = [
        "pprof-path=/p/",
        "pprof-block-profile-rate=1",
        "pprof-mutex-profile-rate=1",
    ];
    let home = tempfile::tempdir().unwrap();
    let mut command = command(home.path(), &["-show-greeting"]);
    command.args(flags.map(|flag| format!("-{flag}")));
    let server = Server::launch(home.path(), command).await;
    let log = server.start_lines();
    let warnings: Vec<_> = log
        .iter()
        .filter(|line| line.contains("level=WARN"))
        .collect();
    let [warning] = &warnings[..] else {
        panic!("{log:?}");
    };
    for flag in flags {
        let name = flag.split('=').next().unwrap();
        assert!(warning.contains(&format!("-{name}")), "{name}: {warning}");
    }
}

/// Go would leave the metrics on, and stop parsing before the greeting flag.
#[tokio::test]
async fn a_boolean_may_have_its_value_behind_a_space_with_a_warning() {
    let args = [
        "-expose-metrics",
        "false",
        "-show-greeting",
        "F",
        "-verbose",
    ];
    let server = Server::start(&args).await;
    let url = format!("http://{}/metrics", server.address());
    let tus = Tus::new(server.url(), Version::Http1);
    let answer = tus.ask(http::Request::get(url)).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let log = server.start_lines();
    for taken in ["-expose-metrics=false", "-show-greeting=F"] {
        let warned = |line: &String| line.contains("level=WARN") && line.contains(taken);
        assert!(log.iter().any(warned), "{taken}: {log:?}");
    }
}
