//! A place where servers start one after another on the same uploads.

use std::path::{Path, PathBuf};

use crate::harness::tus::{Tus, Version};
use crate::harness::{Server, command_of, command_under};
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
        let mut args = vec![
            format!("-upload-dir={}", self.data.display()),
            format!("-durability={durability}"),
        ];
        args.extend(self.names.flags());
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let wrapper: Vec<_> = self.wrapper.iter().map(String::as_str).collect();
        let command = match std::env::var(PROGRAM) {
            Ok(program) => command_of(&[&wrapper[..], &[&program]].concat(), &self.home, &args),
            Err(_) => command_under(&wrapper, &self.home, &args),
        };
        let server = Server::launch(&self.home, command).await;
        let tus = Tus::new(server.url(), Version::Http1);
        (server, tus)
    }
}
