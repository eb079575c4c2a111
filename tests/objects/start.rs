//! The start of a server over a bucket.

use std::process::Output;

use tempfile::TempDir;

use super::harness::gateway::Gateway;
use super::harness::{Server, command, command_over, patient};
use super::{append, client};

/// Returns what a server complains about, in one line, before it exits with `code`.
fn complaint(output: &Output, code: i32) -> String {
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    complaint
}

#[tokio::test]
async fn the_start_names_the_bucket_like_tusd() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let server = Server::start_over(&gateway, &["-s3-max-buffered-parts=1"]).await;
    let line = format!(
        "Using '{}/bucket' as S3 endpoint and bucket",
        gateway.address
    );
    let start = server.start_lines();
    assert!(start.iter().any(|it| it.contains(&line)), "{start:?}");
    assert_eq!(gateway.keys(), [""; 0], "the probe is removed");
}

#[tokio::test]
async fn flags_without_effect_are_warned_of() {
    for (flag, warning) in [
        (
            "-azure-container-access-type=blob",
            "-azure-container-access-type has no effect without -azure-storage",
        ),
        (
            "-s3-endpoint=https://s3.example",
            "-s3-endpoint has no effect without -s3-bucket",
        ),
    ] {
        let server = Server::start(&[flag]).await;
        let start = server.start_lines();
        let warned = |it: &String| it.contains("level=WARN") && it.contains(warning);
        assert!(start.iter().any(warned), "{start:?}");
    }
}

#[tokio::test]
async fn a_bucket_that_cannot_be_used_stops_the_start() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let home = TempDir::new().unwrap();
    for (args, variable, expected) in [
        (&["-s3-bucket=none"][..], "", "cannot use the bucket none: "),
        (&[], "wrong", "SignatureDoesNotMatch"),
    ] {
        let mut command = command_over(&gateway, home.path(), args);
        if !variable.is_empty() {
            command.env("AWS_SECRET_ACCESS_KEY", variable);
        }
        let output = patient(command.output()).await.unwrap();
        let complaint = complaint(&output, 1);
        assert!(complaint.contains(expected), "{complaint}");
    }
}

#[tokio::test]
async fn flags_that_make_no_sense_together_are_refused() {
    let home = TempDir::new().unwrap();
    for (args, expected) in [
        (&["-locks=store"][..], "-locks=store needs -s3-bucket"),
        (&["-s3-bucket=b", "-locker=file"], "-locks=file keeps locks"),
        (&["-s3-bucket=b", "-min-free-space=1"], "-min-free-space"),
        (
            &["-s3-bucket=b", "-s3-log-api-calls", "-verbose=false"],
            "needs -verbose",
        ),
        (&["-s3-bucket=b", "-s3-part-size=1"], "-s3-min-part-size"),
        (
            &[
                "-s3-bucket=b",
                "-s3-endpoint=h",
                "-s3-transfer-acceleration",
            ],
            "excludes -s3-endpoint",
        ),
        (&["-s3-bucket=b", "-s3-tags=a"], "invalid value"),
        (
            &["-azure-storage=c", "-azure-container-access-type=public"],
            "it is blob, container, or empty",
        ),
    ] {
        let output = patient(command(home.path(), args).output()).await.unwrap();
        let complaint = complaint(&output, 2);
        assert!(complaint.contains(expected), "{args:?}: {complaint}");
    }
}

#[tokio::test]
async fn calls_are_counted_under_the_names_of_tusd_and_logged_if_asked_for() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let mut server = Server::start_over(&gateway, &["-s3-log-api-calls"]).await;
    let tus = client(&server);
    let url = tus.create(5).await;
    append(&server, &url, 0, 5).await;
    let page = server.url().replace("/files/", "/metrics");
    let page = tus.ask(http::Request::get(page)).await;
    let page = std::str::from_utf8(page.body()).unwrap();
    for line in [
        "tusd_s3_request_duration_ms_count{operation=\"put_info_object\"} 2\n",
        "tusd_s3_request_duration_ms_count{operation=\"get_info_object\"} ",
        "tusd_s3_retries_total{operation=\"put_info_object\"} 0\n",
        "tusd_s3_memory_limit_bytes 67108864\n",
        "tusd_s3_memory_bytes 0\n",
    ] {
        assert!(page.contains(line), "{line} is not in {page}");
    }
    let line = server.line("object store was called").await;
    assert!(line.contains("level=DEBUG"), "{line}");
}
