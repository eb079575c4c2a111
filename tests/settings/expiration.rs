//! Flags about uploads that expire.
// EXP-01, EXP-02, EXP-03, EXP-04, EXP-05, EXP-07, EXP-08, EXP-09

use std::time::{Duration, SystemTime};

use headers::{Expires, Header};
use http::{Method, Request, StatusCode};

use crate::harness::tus::{Answer, Tus, Version, code, content, patch, request};
use crate::harness::{self, Server, aged, patient, run};

const HOUR: Duration = Duration::from_secs(60 * 60);

struct Scene {
    server: Server,
    tus: Tus,
}

impl Scene {
    async fn start(args: &[&str]) -> Self {
        let server = Server::start(args).await;
        let tus = Tus::new(server.url(), Version::Http1);
        Self { server, tus }
    }

    fn age_bytes(&self, url: &str, by: Duration) {
        aged::bytes(self.server.uploads(), id(url), by);
    }

    fn age_creation(&self, url: &str, by: Option<Duration>) {
        aged::creation(self.server.uploads(), id(url), by);
    }

    async fn extensions(&self) -> String {
        let answer = self.tus.ask(request(Method::OPTIONS, &self.tus.url)).await;
        answer.headers()["tus-extension"]
            .to_str()
            .unwrap()
            .to_owned()
    }
}

fn id(url: &str) -> &str {
    url.rsplit_once('/').unwrap().1
}

fn told(answer: &Answer) -> Option<SystemTime> {
    let date = answer.headers().get("upload-expires")?;
    assert!(date.to_str().unwrap().ends_with(" GMT"), "EXP-08: {date:?}");
    Some(Expires::decode(&mut std::iter::once(date)).unwrap().into())
}

/// Expects that an upload expires in this time from now, or up to a minute less: so
/// long may the test have taken.
#[track_caller]
fn expires_in(answer: &Answer, time: Duration) {
    let at = told(answer).expect("it tells when");
    let now = SystemTime::now();
    assert!(at <= now + time && now + time < at + Duration::from_secs(60));
}

#[track_caller]
fn is_gone(answer: &Answer) {
    assert_eq!(answer.status(), StatusCode::GONE, "EXP-07");
}

#[tokio::test]
async fn no_upload_expires_unless_a_flag_says_so() {
    for args in [&[][..], &["-expiration=0", "-expiration-finished=0s"]] {
        let scene = Scene::start(args).await;
        assert!(!scene.extensions().await.contains("expiration"));
        let created = scene
            .tus
            .ask(scene.tus.post().header("Upload-Length", 5))
            .await;
        assert_eq!(told(&created), None);
        let url = scene.tus.location(&created);
        scene.age_bytes(&url, 10_000 * HOUR);
        scene.age_creation(&url, Some(10_000 * HOUR));
        let appended = scene.tus.append(&url, 0, content("hello")).await;
        assert_eq!(appended.status(), StatusCode::NO_CONTENT);
    }
}

#[tokio::test]
async fn an_upload_expires_after_its_last_byte() {
    let scene = Scene::start(&["-expiration", "24h"]).await;
    assert!(scene.extensions().await.contains("expiration"), "EXP-02");
    let created = scene
        .tus
        .ask(scene.tus.post().header("Upload-Length", 5))
        .await;
    expires_in(&created, 24 * HOUR);
    let url = scene.tus.location(&created);
    scene.age_creation(&url, Some(23 * HOUR));
    scene.age_bytes(&url, 23 * HOUR);
    expires_in(&scene.tus.head(&url).await, HOUR);
    expires_in(&scene.tus.append(&url, 1, content("ello")).await, HOUR);
    expires_in(&scene.tus.append(&url, 0, content("hel")).await, 24 * HOUR);
    expires_in(&scene.tus.head(&url).await, 24 * HOUR);

    scene.age_bytes(&url, 25 * HOUR);
    scene.age_creation(&url, Some(2 * HOUR));
    let head = scene.tus.head(&url).await;
    is_gone(&head);
    assert_eq!(head.headers()["cache-control"], "no-store");
    for request in [patch(&url, 3), Request::get(&url)] {
        let gone = scene.tus.ask(request).await;
        is_gone(&gone);
        assert_eq!(code(&gone), "ERR_UPLOAD_EXPIRED");
    }
    let ended = scene.tus.ask(request(Method::DELETE, &url)).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_upload_expires_after_its_creation_in_the_fixed_mode() {
    let scene = Scene::start(&["-expiration=24h", "-expiration-mode=fixed"]).await;
    let url = scene.tus.create(5).await;
    scene.age_creation(&url, Some(23 * HOUR));
    expires_in(&scene.tus.append(&url, 0, content("hel")).await, HOUR);
    scene.age_creation(&url, Some(HOUR));
    is_gone(&scene.tus.append(&url, 3, content("lo")).await);
}

#[tokio::test]
async fn an_upload_that_tusd_has_begun_counts_from_its_last_byte_in_both_modes() {
    for mode in ["sliding", "fixed"] {
        let scene = Scene::start(&["-expiration=24h", "-expiration-mode", mode]).await;
        let url = scene.tus.create(5).await;
        scene.age_creation(&url, None);
        scene.age_bytes(&url, 23 * HOUR);
        expires_in(&scene.tus.head(&url).await, HOUR);
        let appended = scene.tus.append(&url, 0, content("hel")).await;
        expires_in(&appended, 24 * HOUR);
        scene.age_bytes(&url, 25 * HOUR);
        is_gone(&scene.tus.head(&url).await);
    }
}

#[tokio::test]
async fn exp_09_a_finished_upload_expires_by_a_flag_of_its_own() {
    let scene = Scene::start(&["-expiration=1h"]).await;
    let url = scene.tus.create(5).await;
    let completed = scene.tus.append(&url, 0, content("hello")).await;
    assert_eq!(told(&completed), None, "EXP-03");
    scene.age_bytes(&url, 1_000 * HOUR);
    scene.age_creation(&url, Some(1_000 * HOUR));
    let head = scene.tus.head(&url).await;
    assert_eq!((head.status(), told(&head)), (StatusCode::OK, None));

    let scene = Scene::start(&["-expiration-finished=48h"]).await;
    let unfinished = scene.tus.create(5).await;
    assert_eq!(told(&scene.tus.head(&unfinished).await), None);
    let url = scene.tus.create(5).await;
    let completed = scene.tus.append(&url, 0, content("hello")).await;
    expires_in(&completed, 48 * HOUR);
    scene.age_creation(&url, Some(49 * HOUR));
    scene.age_bytes(&url, 47 * HOUR);
    expires_in(&scene.tus.head(&url).await, HOUR);
    let get = scene.tus.ask(request(Method::GET, &url)).await;
    assert_eq!(get.body(), "hello");
    expires_in(&get, HOUR);
    scene.age_bytes(&url, 2 * HOUR);
    is_gone(&scene.tus.ask(request(Method::GET, &url)).await);
}

#[tokio::test]
async fn the_server_removes_what_has_expired_and_nothing_else() {
    let interval = "-expiration-scan-interval=100ms";
    let scene = Scene::start(&["-expiration=1h", interval]).await;
    let (expired, young) = (scene.tus.create(5).await, scene.tus.create(5).await);
    let finished = scene.tus.create(0).await;
    aged::upload(scene.server.uploads(), id(&finished), 2 * HOUR);
    aged::upload(scene.server.uploads(), id(&expired), 2 * HOUR);
    let is_there = || scene.server.uploads().join(id(&expired)).exists();
    patient(async {
        while is_there() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    is_gone(&scene.tus.head(&expired).await);
    for kept in [young, finished] {
        assert_eq!(scene.tus.head(&kept).await.status(), StatusCode::OK);
    }
    let info = format!("{}.info", id(&expired));
    assert!(!scene.server.uploads().join(info).exists());
}

#[tokio::test]
async fn a_server_that_does_not_scan_removes_nothing() {
    let home = tempfile::TempDir::new().unwrap();
    let server = Server::start_in(home.path(), &[]).await;
    let url = Tus::new(server.url(), Version::Http1).create(5).await;
    let dir = server.uploads().to_owned();
    aged::upload(&dir, id(&url), 2 * HOUR);
    drop(server);
    // The first scan is at the start.
    let flags = ["-expiration=1h", "-expiration-scan-interval=0"];
    let mut server = Server::start_in(home.path(), &flags).await;
    let tus = Tus::new(server.url(), Version::Http1);
    is_gone(&tus.head(&format!("{}{}", tus.url, id(&url))).await);
    server.signal(harness::Signal::TERM);
    server.exit().await;
    assert!(dir.join(id(&url)).exists());
}

#[tokio::test]
async fn flags_about_expiration_may_come_from_the_environment_and_are_checked() {
    let home = tempfile::TempDir::new().unwrap();
    let mut command = harness::command(home.path(), &[]);
    command.env("TUS_EXPIRATION", "1h30m");
    command.env("TUS_EXPIRATION_MODE", "fixed");
    let server = Server::launch(home.path(), command).await;
    let tus = Tus::new(server.url(), Version::Http2);
    let created = tus.ask(tus.post().header("Upload-Length", 5)).await;
    expires_in(&created, HOUR * 3 / 2);

    for wrong in [
        "-expiration=never",
        "-expiration=-1h",
        "-expiration=24",
        "-expiration-mode=never",
        "-expiration-finished=1d",
        "-expiration-scan-interval=x",
    ] {
        let output = run(&[wrong]).await;
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(
            stderr.contains(wrong.split_once('=').unwrap().0),
            "{stderr}"
        );
    }
}

#[tokio::test]
async fn a_mode_without_a_time_is_a_warning() {
    let scene = Scene::start(&["-expiration-mode=fixed"]).await;
    let lines = scene.server.start_lines().concat();
    assert!(
        lines.contains("-expiration-mode has no effect without -expiration"),
        "{lines}"
    );
}
