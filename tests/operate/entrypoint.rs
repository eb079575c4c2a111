//! The entrypoint of the image, without the image.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use http::StatusCode;
use tempfile::TempDir;
use tokio::process::Command;

use crate::example;
use crate::harness::tus::{Tus, Version, content};
use crate::harness::{Server, Signal, patient};

/// Returns the entrypoint, with the programs of `bin` first in `PATH`.
fn entrypoint(bin: &Path) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(example("docker-entrypoint.sh"));
    command.env("PATH", format!("{}:{path}", bin.display()));
    command
}

/// Runs the entrypoint with these variables, and a server that prints its
/// environment.
async fn environment(variables: &[(&str, &str)]) -> Output {
    let bin = TempDir::new().unwrap();
    let shows = bin.path().join("tower-tusd");
    std::fs::write(&shows, "#!/bin/sh\nenv\n").unwrap();
    std::fs::set_permissions(&shows, PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = entrypoint(bin.path());
    command.envs(variables.iter().copied());
    patient(command.output()).await.unwrap()
}

#[tokio::test]
async fn the_server_takes_its_place_with_the_umask_that_is_asked_for() {
    let home = TempDir::new().unwrap();
    let bin = Path::new(env!("CARGO_BIN_EXE_tower-tusd"))
        .parent()
        .unwrap();
    let mut command = entrypoint(bin);
    command
        .args(["-host=127.0.0.1", "-port=0"])
        .env("UMASK", "0027")
        .current_dir(home.path())
        .kill_on_drop(true);
    let mut server = Server::launch(home.path(), command).await;
    let tus = Tus::new(server.url(), Version::Http1);
    let url = tus.create(5).await;
    let answer = tus.append(&url, 0, content("hello")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let id = url.strip_prefix(server.url()).unwrap();
    let stored = server.uploads().join(id).metadata().unwrap();
    assert_eq!(stored.permissions().mode() & 0o777, 0o640);

    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0));
}

#[tokio::test]
async fn secrets_are_read_from_files() {
    let home = TempDir::new().unwrap();
    let secret = home.path().join("secret");
    std::fs::write(&secret, "two words\n").unwrap();
    let secret = secret.to_str().unwrap();
    let output = environment(&[
        ("AWS_SECRET_ACCESS_KEY_FILE", secret),
        ("AWS_REGION", "eu-north-1"),
        ("GCS_SERVICE_ACCOUNT_FILE", "/a/path"),
    ])
    .await;
    let shown = String::from_utf8(output.stdout).unwrap();
    let has = |line| shown.lines().any(|shown| shown == line);
    assert!(has("AWS_SECRET_ACCESS_KEY=two words"), "{shown}");
    assert!(has("AWS_REGION=eu-north-1"), "{shown}");
    assert!(has("GCS_SERVICE_ACCOUNT_FILE=/a/path"), "{shown}");
    assert!(!shown.contains("AWS_SECRET_ACCESS_KEY_FILE"), "{shown}");
}

#[tokio::test]
async fn nothing_starts_without_a_secret_or_with_two() {
    for variables in [
        &[("AZURE_STORAGE_KEY_FILE", "/gone")][..],
        &[
            ("AZURE_STORAGE_KEY_FILE", "/etc/hostname"),
            ("AZURE_STORAGE_KEY", "a"),
        ],
    ] {
        let output = environment(variables).await;
        assert!(!output.status.success());
        assert_eq!(output.stdout, b"");
        assert_ne!(output.stderr, b"");
    }
}
