//! The two servers, started in the same way.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use regex::{Captures, Regex};
use rustix::process::Pid;
use tempfile::TempDir;

use crate::harness::services::require;
use crate::harness::tus::{Tus, Version};
use crate::harness::{Server, Signal, command, command_of};

const TUSD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/go/tusd");

/// All hook events, as the flag enables them.
pub(crate) const ALL_EVENTS: &str = "-hooks-enabled-events=pre-create,post-create,post-receive,\
                                     pre-finish,post-finish,pre-terminate,post-terminate";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Tusd,
    TowerTusd,
}

pub(crate) use Program::{TowerTusd, Tusd};

/// Whether tusd is installed.
#[track_caller]
pub(crate) fn has_tusd() -> bool {
    let install = "(cd tests/tusd/go && go build -o ../../../target/go/tusd tool)";
    require("tusd", Path::new(TUSD).exists(), install)
}

impl Program {
    /// Starts a server in a directory, on a free port of 127.0.0.1.
    pub(crate) async fn start(self, home: &Home, args: &[&str]) -> (Server, Tus) {
        let command = match self {
            Tusd => command_of(&[TUSD], home.path(), args),
            TowerTusd => command(home.path(), args),
        };
        let server = Server::launch(home.path(), command).await;
        let tus = Tus::new(server.url(), Version::Http1);
        (server, tus)
    }
}

/// Stops a server like an operator would.
pub(crate) async fn stop(mut server: Server) {
    server.signal(Signal::TERM);
    assert!(server.exit().await.success());
}

/// A working directory for servers.
pub(crate) struct Home(TempDir);

impl Home {
    /// Creates a hook for every event, which records its calls in
    /// [`heard`](Self::heard).
    pub(crate) fn new() -> Self {
        let home = Self(TempDir::new().unwrap());
        let hooks = home.path().join("hooks");
        fs::create_dir(&hooks).unwrap();
        let hook = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tusd/hook.sh");
        let (_, events) = ALL_EVENTS.split_once('=').unwrap();
        for event in events.split(',') {
            symlink(hook, hooks.join(event)).unwrap();
        }
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns one line for each hook call of this server.
    pub(crate) fn heard(&self, server: Pid) -> String {
        let file = format!("hooks/heard.{}", server.as_raw_pid());
        let text = fs::read_to_string(self.path().join(file)).unwrap_or_default();
        // The last line may still be incomplete.
        let end = text.rfind('\n').map_or(0, |end| end + 1);
        text[..end].to_owned()
    }

    /// Removes what varies from a text: ids, ports and the directory.
    pub(crate) fn plain(&self, text: &str) -> String {
        let path = self.path().canonicalize().unwrap();
        let text = text.replace(path.to_str().unwrap(), "HOME");
        let text = Regex::new(r"127\.0\.0\.1:\d+")
            .unwrap()
            .replace_all(&text, "ADDRESS");
        let mut ids = Vec::new();
        let number = |found: &Captures<'_>| {
            let known = ids.iter().position(|id| *id == found[0]);
            let number = known.unwrap_or_else(|| {
                ids.push(found[0].to_owned());
                ids.len() - 1
            });
            format!("ID{number}")
        };
        let id = Regex::new("[0-9a-f]{32}").unwrap();
        id.replace_all(&text, number).into_owned()
    }
}
