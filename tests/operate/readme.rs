//! The first upload in the README.

use std::fs;
use std::path::Path;

use crate::harness::services::{has, require};
use crate::harness::{Server, patient};

/// The URL of the server that the README starts.
const SERVER: &str = "http://127.0.0.1:8080/";

/// Returns the commands of the README's first section, after the one that
/// starts the server.
fn commands(readme: &str) -> Vec<&str> {
    let (_, section) = readme.split_once("\n## An upload with curl\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    blocks.skip(1).collect()
}

/// Returns the URL of an upload in the text.
fn upload(text: &str) -> &str {
    let (_, rest) = text.split_once("Location: ").unwrap();
    rest.lines().next().unwrap().trim()
}

#[tokio::test]
async fn the_first_upload_of_the_readme_ends_as_a_file() {
    if !require("curl", has("curl").await, "apt-get install curl") {
        return;
    }
    let server = Server::start(&[]).await;
    let root = server.url().trim_end_matches("files/");
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.unwrap();
    let [create, proceed, look] = *commands(&readme) else {
        panic!("the README has other commands");
    };
    let home = server.uploads().parent().unwrap();

    let created = run(home, &create.replace(SERVER, root)).await;
    let shown = upload(&readme);
    let proceed = proceed.replace(shown, upload(&created)) + look;
    let output = run(home, &proceed).await;
    for expected in ["Upload-Offset: 6", "Upload-Offset: 11"] {
        assert!(output.contains(expected), "{output}");
    }
    assert!(output.ends_with("hello worldhello world"), "{output}");
}

async fn run(home: &Path, script: &str) -> String {
    let mut bash = tokio::process::Command::new("bash");
    bash.args(["-euc", script]).current_dir(home);
    bash.env("no_proxy", "127.0.0.1").kill_on_drop(true);
    let output = patient(bash.output()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
