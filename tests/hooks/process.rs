//! Hooks that are executables.

use std::fs;
use std::os::unix::fs::symlink;

use http::StatusCode;
use tempfile::TempDir;

use crate::harness::tus::content;
use crate::scene::{Scene, create, id, is_alive, is_internal_error, until};

#[tokio::test]
async fn a_hook_has_its_directory_the_environment_and_the_numbers() {
    let script = r#"echo "$PWD|$GREETING|$TUS_ID|$TUS_SIZE|$TUS_OFFSET" >>environment"#;
    let home = TempDir::new().unwrap();
    let dir = home.path().join("hooks");
    fs::create_dir(&dir).unwrap();
    let hook = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hooks/hook.sh");
    for event in ["pre-create", "post-finish"] {
        symlink(hook, dir.join(event)).unwrap();
        fs::write(dir.join(format!("{event}.sh")), script).unwrap();
    }
    let greeting = [("GREETING", "hello")];
    let scene = Scene::start(home, &["-hooks-dir=hooks"], &greeting).await;
    let url = scene.tus.create(5).await;
    scene.tus.append(&url, 0, content("hello")).await;

    let environment = || fs::read_to_string(scene.file("environment")).unwrap_or_default();
    until(|| environment().lines().count() == 2).await;
    let dir = scene.home.path().canonicalize().unwrap().join("hooks");
    let dir = dir.display();
    let id = id(&url);
    let expected = format!("{dir}|hello||5|0\n{dir}|hello|{id}|5|5\n");
    assert_eq!(environment(), expected);
}

#[tokio::test]
async fn a_hook_that_is_not_there_is_passed_over_until_it_comes() {
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("hooks")).unwrap();
    let scene = Scene::start(home, &["-hooks-dir=hooks"], &[]).await;
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
    symlink("/bin/false", scene.file("pre-create")).unwrap();
    is_internal_error(&create(&scene).await);
    fs::remove_file(scene.file("pre-create")).unwrap();
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn what_a_failing_hook_says_is_for_the_log() {
    for script in [
        r#"echo '{"HTTPResponse": {"Body": "a secret"}}'; exit 3"#,
        "echo a secret",
        r#"printf '\n'; : a secret; echo a secret >&2"#,
        r#"echo '{"HTTPResponse": {"StatusCode": "a secret"}}'"#,
        r#"echo '{"ChangeFileInfo": {"ID": "a secret"}}'"#,
        "kill -9 $$",
    ] {
        let mut scene = Scene::with_scripts(&[("pre-create", script)], &[]).await;
        is_internal_error(&create(&scene).await);
        assert_eq!(scene.files(), 0, "{script}");
        let line = scene.server.line("HookInvocationError").await;
        assert!(line.contains("pre-create"), "{line}");
        let told = !script.contains("secret") || script.contains(">&2");
        assert!(told || line.contains("a secret"), "{script}: {line}");
    }
}

#[tokio::test]
async fn a_hook_may_say_nothing_and_hear_nothing() {
    // More than a pipe holds, so that a hook that never reads ends before all
    // is written.
    let large = "x".repeat(150_000);
    let home = TempDir::new().unwrap();
    let dir = home.path().join("hooks");
    fs::create_dir(&dir).unwrap();
    symlink("/bin/true", dir.join("pre-create")).unwrap();
    let scene = Scene::start(home, &["-hooks-dir=hooks"], &[]).await;
    for _ in 0..20 {
        let post = scene.tus.post().header("Upload-Length", "5");
        let answer = scene.tus.ask(post.header("X-Large", &large)).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn a_question_that_hangs_is_killed_with_all_that_it_has_started() {
    let hang = "sleep 1000 & echo $! >child; echo $$ >self; sleep 1000";
    let args = ["-hooks-process-timeout=300ms"];
    let scene = Scene::with_scripts(&[("pre-finish", hang)], &args).await;
    let url = scene.tus.create(5).await;
    is_internal_error(&scene.tus.append(&url, 0, content("hello")).await);
    for process in ["self", "child"] {
        until(|| !is_alive(&scene, process)).await;
    }

    // The upload is still usable.
    fs::write(scene.file("pre-finish.sh"), "").unwrap();
    assert_eq!(scene.tus.offset(&url).await, 5);
}

#[tokio::test]
async fn one_that_is_told_something_is_not_waited_for_and_not_killed() {
    let hang =
        "echo $$ >self; until [ -f go ] || [ ! -e heard ]; do sleep 0.01; done; echo done >done";
    let args = ["-hooks-process-timeout=100ms"];
    let mut scene = Scene::with_scripts(&[("post-create", hang)], &args).await;
    let url = scene.tus.create(5).await;
    scene.tus.append(&url, 0, content("hello")).await;
    // Later events are delivered meanwhile.
    scene.heard(5).await;
    scene.server.line("a hook is still running").await;
    assert!(is_alive(&scene, "self"));
    fs::write(scene.file("go"), "").unwrap();
    until(|| scene.file("done").exists()).await;
}

#[tokio::test]
async fn what_a_hook_leaves_in_the_background_is_not_waited_for() {
    let script = r#"while [ -e heard ]; do sleep 0.05; done & echo $! >child
        printf '{"HTTPResponse": {"Body": "%050000d"}}' 0"#;
    let scene = Scene::with_scripts(&[("pre-create", script)], &[]).await;
    for _ in 0..10 {
        let answer = create(&scene).await;
        assert_eq!(
            answer.body().len(),
            50_000,
            "all that it said itself counts"
        );
    }
    assert!(is_alive(&scene, "child"));
}

#[tokio::test]
async fn a_hook_that_says_too_much_has_failed_and_is_heard_to_its_end() {
    let flood = "head -c 10000000 /dev/zero && echo ok >flooded";
    let scripts = [
        ("pre-create", flood),
        ("post-create", "head -c 10000000 /dev/zero && echo ok >told"),
    ];
    let scene = Scene::with_scripts(&scripts, &[]).await;
    is_internal_error(&create(&scene).await);
    assert!(scene.file("flooded").exists());
    fs::remove_file(scene.file("pre-create.sh")).unwrap();
    assert_eq!(create(&scene).await.status(), StatusCode::CREATED);
    until(|| scene.file("told").exists()).await;
}
