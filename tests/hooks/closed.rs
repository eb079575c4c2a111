//! Hooks that cannot run refuse uploads, and misnamed hooks prevent the start.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use http::StatusCode;
use tempfile::TempDir;

use crate::harness::run;
use crate::harness::services::{has, require};
use crate::harness::tus::content;
use crate::scene::{Scene, create, is_internal_error};

/// Writes an executable.
fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Starts a server with an empty hook directory.
async fn without_hooks(args: &[&str]) -> Scene {
    without_hooks_under(&[], args).await
}

/// Like [`without_hooks`], through another program.
async fn without_hooks_under(wrapper: &[&str], args: &[&str]) -> Scene {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("hooks")).unwrap();
    let args = [&["-hooks-dir=hooks"], args].concat();
    Scene::start_under(wrapper, home, &args, &[]).await
}

#[tokio::test]
async fn a_hook_that_is_there_and_cannot_run_refuses_the_upload() {
    refuse_what_cannot_run(&[]).await;
}

#[tokio::test]
async fn a_hook_that_cannot_run_refuses_also_where_its_limits_are_set_before() {
    if !require(
        "prlimit",
        has("prlimit").await,
        "apt-get install util-linux",
    ) {
        return;
    }
    refuse_what_cannot_run(&["prlimit", "--nofile=256:4096"]).await;
}

async fn refuse_what_cannot_run(wrapper: &[&str]) {
    type Make = fn(&Path);
    let hooks: [(Make, &str); 7] = [
        (
            |path| script(path, "#!/no/such\n"),
            "interpreter is missing",
        ),
        (|path| script(path, "#!/bin/sh\r\nexit 0\r\n"), "CRLF"),
        (|path| script(path, "exit 0\n"), "format"),
        (|path| script(path, ""), "format"),
        (
            |path| symlink("/no/such", path).unwrap(),
            "dangling symlink",
        ),
        (
            |path| fs::write(path, "#!/bin/sh\n").unwrap(),
            "not executable",
        ),
        (|path| fs::create_dir(path).unwrap(), "a directory"),
    ];
    for (make, reason) in hooks {
        let mut scene = without_hooks_under(wrapper, &[]).await;
        make(&scene.file("pre-create"));
        is_internal_error(&create(&scene).await);
        assert_eq!(scene.files(), 0, "{reason}");
        let line = scene.server.line("HookInvocationError").await;
        assert!(line.contains(reason), "{reason}: {line}");
        assert!(line.contains("hooks/pre-create"), "{line}");
    }
}

#[tokio::test]
async fn an_end_that_no_hook_can_decide_is_refused_and_decided_later() {
    let scene = without_hooks(&["-hooks-enabled-events="]).await;
    let url = scene.tus.create(5).await;
    symlink("/no/such", scene.file("pre-finish")).unwrap();
    is_internal_error(&scene.tus.append(&url, 0, content("hello")).await);
    fs::remove_file(scene.file("pre-finish")).unwrap();
    assert_eq!(scene.tus.offset(&url).await, 5);
}

#[tokio::test]
async fn what_is_only_told_goes_on_without_its_hook_and_the_log_says_so() {
    let mut scene = without_hooks(&[]).await;
    symlink("/no/such", scene.file("post-create")).unwrap();
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
    let line = scene.server.line("HookInvocationError").await;
    assert!(line.contains("hooks/post-create"), "{line}");
}

#[tokio::test]
async fn a_directory_that_goes_takes_no_hook_with_it() {
    let scene = without_hooks(&[]).await;
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
    fs::rename(scene.file(""), scene.home.path().join("away")).unwrap();
    is_internal_error(&create(&scene).await);
    fs::rename(scene.home.path().join("away"), scene.file("")).unwrap();
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
}

/// Returns the only line of a server that does not start.
async fn refusal(args: &[&str]) -> String {
    let output = run(args).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    stderr
}

#[tokio::test]
async fn a_hooks_directory_that_is_none_stops_the_start() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    for dir in [home.path().join("gone"), file] {
        let line = refusal(&[&format!("-hooks-dir={}", dir.display())]).await;
        assert!(line.contains("-hooks-dir"), "{line}");
        assert!(line.contains(dir.to_str().unwrap()), "{line}");
    }
}

#[tokio::test]
async fn two_kinds_of_hooks_at_once_stop_the_start() {
    let home = TempDir::new().unwrap();
    let dir = format!("-hooks-dir={}", home.path().display());
    let (url, service) = ("-hooks-http=http://127.0.0.1:1/", "-hooks-grpc=127.0.0.1:1");
    for pair in [[&*dir, url], [&dir, service], [service, url]] {
        let line = refusal(&pair).await;
        for flag in pair {
            let name = flag.split('=').next().unwrap();
            assert!(line.contains(name), "{line}");
        }
    }
}

#[tokio::test]
async fn a_name_that_looks_like_an_event_stops_the_start() {
    for name in [
        "pre-create.sh",
        "precreate",
        "Pre-Create",
        "pre_create",
        "POST-FINISH",
        "pre-finish.py",
    ] {
        let home = TempDir::new().unwrap();
        script(&home.path().join(name), "#!/bin/sh\n");
        let line = refusal(&[&format!("-hooks-dir={}", home.path().display())]).await;
        assert!(line.contains(name), "{line}");
    }
}

#[tokio::test]
async fn other_files_beside_hooks_are_no_concern() {
    let home = TempDir::new().unwrap();
    let dir = home.path().join("hooks");
    fs::create_dir(&dir).unwrap();
    // The hook exists, so that these files are not mistaken for it.
    script(&dir.join("pre-create"), "#!/bin/sh\nexit 1\n");
    for name in ["pre-create.sh", "pre-create~", "README.md", "lib", ".git"] {
        fs::write(dir.join(name), "").unwrap();
    }
    let scene = Scene::start(home, &["-hooks-dir=hooks"], &[]).await;
    is_internal_error(&create(&scene).await);
}

#[tokio::test]
async fn a_hook_for_an_event_that_is_not_enabled_is_a_warning() {
    let home = TempDir::new().unwrap();
    let dir = home.path().join("hooks");
    fs::create_dir(&dir).unwrap();
    script(&dir.join("pre-finish"), "#!/bin/sh\nexit 1\n");
    script(&dir.join("post-create"), "#!/bin/sh\n");
    let scene = Scene::start(home, &["-hooks-dir=hooks"], &[]).await;
    let warnings = scene.server.start_lines().iter();
    let warnings: Vec<_> = warnings.filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("pre-finish"), "{warnings:?}");
    assert!(
        warnings[0].contains("-hooks-enabled-events"),
        "{warnings:?}"
    );
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_misspelt_no_is_not_a_yes() {
    let misspelt = r#"echo '{"RejectUplod": true}'"#;
    let scripts = [("pre-create", misspelt), ("post-create", misspelt)];
    let mut scene = Scene::with_scripts(&scripts, &[]).await;
    is_internal_error(&create(&scene).await);
    let line = scene.server.line("HookInvocationError").await;
    assert!(line.contains("RejectUplod"), "{line}");
    fs::remove_file(scene.file("pre-create.sh")).unwrap();
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
    let line = scene.server.line("unknown member").await;
    assert!(
        line.contains("WARN") && line.contains("RejectUplod"),
        "{line}"
    );
}
