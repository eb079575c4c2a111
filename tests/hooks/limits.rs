//! Resource limits that hooks inherit, and a system without resources for
//! hooks.

use std::fs;

use http::StatusCode;
use tempfile::TempDir;

use crate::harness::patient;
use crate::harness::raw::Http1;
use crate::harness::services::{has, require};
use crate::scene::{Scene, create};

async fn has_prlimit() -> bool {
    let install = "apt-get install util-linux";
    require("prlimit", has("prlimit").await, install)
}

/// Starts a server under limits, with this script as its pre-create hook.
async fn limited(limits: &str, script: &str, args: &[&str]) -> Scene {
    use std::os::unix::fs::PermissionsExt;

    let home = TempDir::new().unwrap();
    let dir = home.path().join("hooks");
    fs::create_dir(&dir).unwrap();
    let hook = dir.join("pre-create");
    fs::write(&hook, script).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let args = [&["-hooks-dir=hooks"], args].concat();
    Scene::start_under(&["prlimit", limits], home, &args, &[]).await
}

#[tokio::test]
async fn a_hook_has_the_limit_on_open_files_and_the_signals_that_the_server_was_started_with() {
    if !has_prlimit().await {
        return;
    }
    let script = "#!/bin/sh
        { ulimit -Sn; ulimit -Hn; grep 'open files' /proc/$PPID/limits
        grep -E '^Sig(Ign|Cgt)' /proc/self/status; } >seen";
    for (limits, soft) in [("--nofile=256:4096", "256"), ("--nofile=4096", "4096")] {
        let scene = limited(limits, script, &[]).await;
        assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
        let seen = fs::read_to_string(scene.file("seen")).unwrap();
        let lines: Vec<_> = seen.lines().collect();
        let [of_hook, hard, of_server, signals @ ..] = &lines[..] else {
            panic!("{seen}");
        };
        assert_eq!((*of_hook, *hard), (soft, "4096"));
        let of_server: Vec<_> = of_server.split_whitespace().collect();
        assert_eq!(of_server[3..5], ["4096", "4096"]);
        assert_eq!(signals.len(), 2, "{seen}");
        for line in signals {
            let mask = u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16);
            let file_size_limit = rustix::process::Signal::XFSZ.as_raw();
            assert_eq!(mask.unwrap() >> (file_size_limit - 1) & 1, 0, "{seen}");
        }
    }
}

#[tokio::test]
async fn a_hook_that_no_descriptor_is_left_for_is_busy_and_may_be_asked_again() {
    if !has_prlimit().await {
        return;
    }
    let args = ["-max-connections=1000"];
    let mut scene = limited("--nofile=200", "#!/bin/sh\n", &args).await;
    let mut first = Http1::connect(scene.server.address()).await;
    assert_eq!(post(&mut first).await.status(), StatusCode::CREATED);
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(scene.server.connect().await);
    }
    scene.server.line("cannot accept a connection").await;
    let answer = post(&mut first).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "5");
    first.until("ERR_HOOKS_BUSY").await;
    scene.server.line("a hook cannot be started now").await;
    drop(idle);
    patient(async { while create(&scene).await.status() != StatusCode::CREATED {} }).await;
}

async fn post(client: &mut Http1) -> http::Response<()> {
    let length = ("Upload-Length", "5".to_owned());
    client.head("POST /files/", &[length]).await;
    client.response().await.expect("the server answers")
}
