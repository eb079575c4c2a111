//! A server with hooks, and a client for it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, StatusCode};
use rustix::process::{Pid, test_kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::tus::{self, Tus, Version};
use crate::harness::{Server, command_under, names, patient};
use crate::receiver::{Answer, Call, Receiver, reply};

/// All hook events.
pub(crate) const EVENTS: [&str; 8] = [
    "pre-create",
    "post-create",
    "post-receive",
    "pre-finish",
    "post-finish",
    "pre-terminate",
    "post-terminate",
    "post-expire",
];

pub(crate) const ALL_EVENTS: &str = "-hooks-enabled-events=";

pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) tus: Tus,
    pub(crate) home: TempDir,
}

impl Scene {
    /// Starts a server with a hook for every event. A hook records the event,
    /// and runs the script of that event, if there is one.
    pub(crate) async fn with_scripts(scripts: &[(&str, &str)], args: &[&str]) -> Self {
        let home = TempDir::new().unwrap();
        let dir = home.path().join("hooks");
        fs::create_dir(&dir).unwrap();
        let hook = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hooks/hook.sh");
        for event in EVENTS {
            symlink(&hook, dir.join(event)).unwrap();
        }
        for (event, script) in scripts {
            fs::write(dir.join(format!("{event}.sh")), script).unwrap();
        }
        Self::start(
            home,
            &[&["-hooks-dir=hooks", ALL_EVENTS], args].concat(),
            &[],
        )
        .await
    }

    /// Starts a server with a receiver as its hooks, which replies with this
    /// JSON.
    pub(crate) async fn with_replies<F>(replies: F, args: &[&str]) -> (Self, Receiver)
    where
        F: Fn(&str) -> Value + Send + Sync + 'static,
    {
        let answers = move |call: &Call, _| reply(&replies(call.json()["Type"].as_str().unwrap()));
        Self::with_answers(answers, args).await
    }

    /// Like [`with_replies`](Self::with_replies), with any response.
    pub(crate) async fn with_answers<F>(answers: F, args: &[&str]) -> (Self, Receiver)
    where
        F: Fn(&Call, usize) -> Answer + Send + Sync + 'static,
    {
        let receiver = Receiver::start(Arc::new(answers)).await;
        let url = format!("-hooks-http={}", receiver.url());
        let args = [&[&*url, ALL_EVENTS, "-hooks-http-backoff=10ms"], args].concat();
        let scene = Self::start(TempDir::new().unwrap(), &args, &[]).await;
        (scene, receiver)
    }

    pub(crate) async fn start(home: TempDir, args: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::start_under(&[], home, args, environment).await
    }

    /// Like [`start`](Self::start), through another program.
    pub(crate) async fn start_under(
        wrapper: &[&str],
        home: TempDir,
        args: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let mut command = command_under(wrapper, home.path(), args);
        command.envs(environment.iter().copied());
        let server = Server::launch(home.path(), command).await;
        let tus = Tus::new(server.url(), Version::Http1);
        Self { server, tus, home }
    }

    /// Returns the path of a file in the hook directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.home.path().join("hooks").join(name)
    }

    /// Waits until the executables have recorded this many events, and returns
    /// them.
    pub(crate) async fn heard(&self, events: usize) -> Vec<String> {
        let lines = || {
            let text = fs::read_to_string(self.file("heard")).unwrap_or_default();
            // The last line may still be incomplete.
            let end = text.rfind('\n').map_or(0, |end| end + 1);
            text[..end].lines().map(str::to_owned).collect::<Vec<_>>()
        };
        until(|| lines().len() >= events).await;
        let lines = lines();
        assert_eq!(lines.len(), events, "{lines:#?}");
        lines
    }

    /// Returns the value of a metric.
    pub(crate) async fn metric(&self, name: &str) -> String {
        let page = self.server.url().replace("/files/", "/metrics");
        let page = Request::get(page).body(tus::content("")).unwrap();
        let text = self.tus.send(page).await.into_body();
        let text = String::from_utf8(text.to_vec()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    }

    /// Returns the content of a file in the upload directory.
    pub(crate) fn stored(&self, id: &str) -> Vec<u8> {
        fs::read(self.server.uploads().join(id)).unwrap()
    }

    /// Returns the number of files in the upload directory.
    pub(crate) fn files(&self) -> usize {
        names(self.server.uploads()).len()
    }
}

/// Polls for something that nothing else signals.
pub(crate) async fn until(mut happened: impl FnMut() -> bool) {
    patient(async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Returns the id in an upload's URL.
pub(crate) fn id(url: &str) -> &str {
    url.split_once("/files/").unwrap().1
}

/// Creates an upload of 5 bytes, unless a hook refuses it.
pub(crate) async fn create(scene: &Scene) -> tus::Answer {
    let post = scene.tus.post().header("Upload-Length", "5");
    scene.tus.ask(post).await
}

pub(crate) fn is_internal_error(answer: &tus::Answer) {
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = "ERR_INTERNAL_SERVER_ERROR: internal server error\n";
    assert_eq!(answer.body(), body);
}

/// Whether the process whose id is in the file is running.
pub(crate) fn is_alive(scene: &Scene, file: &str) -> bool {
    let id = fs::read_to_string(scene.file(file)).unwrap();
    let id = Pid::from_raw(id.trim().parse().unwrap()).unwrap();
    test_kill_process(id).is_ok()
}
