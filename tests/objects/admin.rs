//! Commands on the uploads in a bucket.

use std::process::Output;

use tempfile::TempDir;

use super::harness::gateway::Gateway;
use super::harness::{Server, command_over, patient};
use super::{append, client, id};

/// Runs a command, and returns what it prints.
async fn run(gateway: &Gateway, args: &[&str]) -> (i32, String) {
    let home = TempDir::new().unwrap();
    let mut command = command_over(gateway, home.path(), args);
    let Output { status, stdout, .. } = patient(command.output()).await.unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap())
}

#[tokio::test]
async fn uploads_are_listed_shown_verified_swept_and_removed() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let server = Server::start_over(&gateway, &[]).await;
    let url = client(&server).create(20 << 20).await;
    append(&server, &url, 0, 12 << 20).await;
    let (code, listed) = run(&gateway, &["ls"]).await;
    assert!(code == 0 && listed.contains(id(&url)), "{listed}");
    let (code, shown) = run(&gateway, &["show", id(&url)]).await;
    assert!(code == 0 && shown.contains("receiving"), "{shown}");
    let (code, verified) = run(&gateway, &["verify"]).await;
    assert!(
        code == 0 && verified.contains("found 0 problems"),
        "{verified}"
    );
    let (code, swept) = run(&gateway, &["sweep", "-older-than=0s"]).await;
    assert_eq!(code, 0, "{swept}");
    let (code, removed) = run(&gateway, &["rm", id(&url)]).await;
    assert!(code == 0 && removed.contains("removed"), "{removed}");
    assert_eq!(gateway.keys(), [""; 0]);
}
