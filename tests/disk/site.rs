//! A place where servers start one after another on the same uploads.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::harness::tus::{Tus, Version};
use crate::harness::{Server, command_of, command_under, patient};
use crate::names::Names;

/// Names another server than the debug one, such as that of a release.
const PROGRAM: &str = "TOWER_TUS_SERVER";

/// The durabilities that the server offers.
pub(crate) const DURABILITIES: [&str; 3] = ["none", "finish", "offset"];

/// An upload directory, and how to start servers on it.
pub(crate) struct Site {
    names: Names,
    /// Another program that starts the server.
    wrapper: Vec<String>,
    /// Where the server starts.
    home: PathBuf,
    /// The path of the upload directory for the server.
    data: PathBuf,
}

impl Site {
    /// Returns the directory `data` in `home`.
    pub(crate) async fn new(home: &Path) -> Self {
        Self::under(Vec::new(), home, home.join("data")).await
    }

    /// Like [`new`](Self::new), with servers that another program starts, and
    /// with the path of their uploads for them.
    pub(crate) async fn under(wrapper: Vec<String>, home: &Path, data: PathBuf) -> Self {
        Self {
            names: Names::start().await,
            wrapper,
            home: home.to_owned(),
            data,
        }
    }

    /// Starts a server, and returns it with its client.
    pub(crate) async fn start(&self, durability: &str) -> (Server, Tus) {
        self.launch(self.command(durability)).await
    }

    /// Starts a server in which one thread makes all blocking calls, for as
    /// long as it cannot start another.
    pub(crate) async fn start_single(&self, durability: &str) -> (Server, Tus) {
        loop {
            let mut command = self.command(durability);
            command.env("TOKIO_WORKER_THREADS", "1");
            let (server, tus) = self.launch(command).await;
            // The thread for blocking calls starts with the first of them.
            let threads = patient(async {
                loop {
                    match threads(&server) {
                        0 | 1 => tokio::time::sleep(Duration::from_millis(1)).await,
                        threads => return threads,
                    }
                }
            });
            // Two are enough: one works, and one makes blocking calls.
            if threads.await == 2 {
                return (server, tus);
            }
        }
    }

    fn command(&self, durability: &str) -> Command {
        let mut args = vec![
            format!("-upload-dir={}", self.data.display()),
            format!("-durability={durability}"),
        ];
        args.extend(self.names.flags());
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let wrapper: Vec<_> = self.wrapper.iter().map(String::as_str).collect();
        match std::env::var(PROGRAM) {
            Ok(program) => command_of(&[&wrapper[..], &[&program]].concat(), &self.home, &args),
            Err(_) => command_under(&wrapper, &self.home, &args),
        }
    }

    async fn launch(&self, command: Command) -> (Server, Tus) {
        let server = Server::launch(&self.home, command).await;
        let tus = Tus::new(server.url(), Version::Http1);
        (server, tus)
    }
}

/// Returns the number of threads of the runtime.
fn threads(server: &Server) -> usize {
    let all = std::fs::read_dir(format!("/proc/{}/task", server.pid().as_raw_pid()));
    let names = all.unwrap().filter_map(|thread| {
        let name = thread.ok()?.path().join("comm");
        std::fs::read_to_string(name).ok()
    });
    names.filter(|name| name.starts_with("tokio")).count()
}
