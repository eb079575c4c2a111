//! The hooks in `examples/hooks`, run like a reader would run them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use http::{Method, StatusCode};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::harness::patient;
use crate::harness::services::require;
use crate::harness::tus::{content, request};
use crate::scene::{ALL_EVENTS, Scene, id, until};

fn example(path: &str) -> PathBuf {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/hooks");
    examples.join(path)
}

async fn runs(program: &str) -> bool {
    let mut command = Command::new(program);
    let version = command.arg("--version").output().await;
    version.is_ok_and(|output| output.status.success())
}

/// Uploads a file, and returns the id that the hooks have assigned.
async fn upload(scene: &Scene) -> String {
    let post = scene.tus.post().header("Upload-Length", "5");
    let rejected = scene.tus.ask(post).await;
    assert_eq!(rejected.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(rejected.body(), "an upload needs a filename\n");

    let post = scene.tus.post().header("Upload-Length", "5");
    let post = post.header("Upload-Metadata", "filename Li4vYSBiLnR4dA==");
    let answer = scene.tus.ask(post.header("X-User", "alice")).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let url = scene.tus.location(&answer);
    let answer = scene.tus.append(&url, 0, content("hello")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);

    let kept = scene.tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(kept.status(), StatusCode::CONFLICT);
    assert_eq!(kept.body(), "it is finished\n");
    id(&url).to_owned()
}

#[tokio::test]
async fn the_executables_do_as_they_say() {
    if !require("jq", runs("jq").await, "apt-get install jq") {
        return;
    }
    let home = TempDir::new().unwrap();
    let finished = home.path().join("finished");
    let hooks = format!("-hooks-dir={}", example("file").display());
    let environment = [("FINISHED_DIR", finished.to_str().unwrap())];
    let scene = Scene::start(home, &[&hooks, ALL_EVENTS], &environment).await;
    let id = upload(&scene).await;
    let (day, name) = id.split_once('/').unwrap();
    assert_eq!(day.len(), "2026-01-31".len());
    assert_eq!(name.len(), 26);

    let link = finished.join(format!("{day}-{name}-a b.txt"));
    until(|| link.exists()).await;
    assert_eq!(fs::read(link).unwrap(), b"hello");
}

/// The receiver in Python, killed on drop.
struct Python {
    _child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Python {
    fn start() -> Self {
        let mut command = Command::new("python3");
        let mut child = command
            .arg(example("http/receiver.py"))
            .arg("0")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            _child: child,
            stdout,
        }
    }

    async fn line(&mut self) -> String {
        patient(self.stdout.next_line()).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn the_receiver_does_as_it_says() {
    if !require("Python", runs("python3").await, "apt-get install python3") {
        return;
    }
    let mut receiver = Python::start();
    let ready = receiver.line().await;
    let url = ready.strip_prefix("listening on ").unwrap();
    let hooks = format!("-hooks-http={url}");
    let scene = Scene::start(TempDir::new().unwrap(), &[&hooks, ALL_EVENTS], &[]).await;
    let id = upload(&scene).await;
    assert!(id.starts_with("alice/"), "{id}");

    let mut lines = Vec::new();
    for _ in 0..7 {
        lines.push(receiver.line().await);
    }
    // The client does not wait for notifications, so their order varies.
    lines.sort_unstable();
    let expected = [
        format!("post-create {id} 0"),
        format!("post-finish {id} 5"),
        format!("post-receive {id} 5"),
        "pre-create  0".to_owned(),
        "pre-create  0".to_owned(),
        format!("pre-finish {id} 5"),
        format!("pre-terminate {id} 5"),
    ];
    assert_eq!(lines, expected);
}
