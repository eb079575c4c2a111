//! The gRPC receiver of the examples, in Python.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::patient;
use super::services::require;

/// The receiver of the examples, killed on drop.
pub(crate) struct GrpcReceiver {
    child: Child,
    events: Lines<BufReader<ChildStdout>>,
    pub(crate) port: String,
}

impl GrpcReceiver {
    /// Starts a receiver on a free port, unless its requirements are missing.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_on("0", &[]).await
    }

    pub(crate) async fn start_on(port: &str, tls: &[&Path]) -> Option<Self> {
        let python = python_with_grpc().await;
        let install = "python3 -m venv target/venv && \
            target/venv/bin/pip install -r examples/hooks/grpc/requirements.txt";
        if !require("grpcio", python.is_some(), install) {
            return None;
        }
        let mut child = Command::new(python.expect("it is required"))
            .arg(in_repository("examples/hooks/grpc/receiver.py"))
            .arg(format!("localhost:{port}"))
            .args(tls)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = patient(events.next_line()).await.unwrap().unwrap();
        let port = ready.strip_prefix("waiting for hooks on port ").unwrap();
        let port = port.to_owned();
        Some(Self {
            child,
            events,
            port,
        })
    }

    pub(crate) fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    pub(crate) fn flag(&self) -> String {
        format!("-hooks-grpc={}", self.address())
    }

    /// Returns the next event that the receiver prints.
    pub(crate) async fn event(&mut self) -> Value {
        let line = patient(self.events.next_line()).await.unwrap();
        serde_json::from_str(&line.expect("the receiver runs")).unwrap()
    }

    pub(crate) async fn end(mut self) {
        patient(self.child.kill()).await.unwrap();
    }
}

/// Returns the Python environment of CI, or else the system's.
async fn python_with_grpc() -> Option<PathBuf> {
    for python in [in_repository("target/venv/bin/python3"), "python3".into()] {
        if succeeds(&python, ["-c", "import grpc_tools"]).await {
            return Some(python);
        }
    }
    None
}

async fn succeeds<const N: usize>(program: impl AsRef<OsStr>, args: [&str; N]) -> bool {
    let output = Command::new(program).args(args).output().await;
    output.is_ok_and(|output| output.status.success())
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
