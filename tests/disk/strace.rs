//! A running server whose system calls strace lets fail.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::harness::services::{has, kernel_has, require};
use crate::harness::{Server, patient};

/// The calls to a file system. Some of them a server also makes for sockets,
/// where a failure does no harm.
const CALLS: [&str; 26] = [
    "close",
    "read",
    "openat",
    "statx",
    "newfstatat",
    "fstat",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "lseek",
    "copy_file_range",
    "rename",
    "renameat2",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "flock",
    "mkdir",
];

/// A call by which threads also wake each other, which must not fail.
const WRITE: &str = "write";

/// A call, and which of those during a request it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: &'static str,
    /// Counted from 1.
    pub(crate) number: usize,
    /// If only those for one file are counted, its place in the list of files.
    file: Option<usize>,
}

/// Which calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Only this one.
    This,
    /// This one and all later ones of its kind.
    FromThis,
}

/// What strace is to do.
#[derive(Clone, Debug)]
pub(crate) enum Task<'a> {
    /// Records the calls.
    Record,
    /// Lets a call fail.
    Fail(&'a Call, Which, &'static str),
}

/// strace at work on a server.
pub(crate) struct Strace {
    child: Child,
    /// Open until the end: strace ends when it cannot write.
    _messages: Lines<BufReader<ChildStderr>>,
    output: PathBuf,
    _dir: TempDir,
}

/// Returns whether strace is installed.
pub(crate) async fn is_installed() -> bool {
    require("strace", has("strace").await, "apt-get install strace")
}

impl Strace {
    /// Attaches to a server. While it is attached the server starts no threads,
    /// so all its calls are made by one thread, in the order of the request:
    /// strace counts the calls of each thread on its own.
    ///
    /// `files` are the paths of an upload. Returns `None` where the kernel
    /// forbids it.
    pub(crate) async fn attach(
        server: &Server,
        task: &Task<'_>,
        files: &[PathBuf],
    ) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let output = dir.path().join("calls");
        let mut command = Command::new("strace");
        command
            .args(["-f", "-y", "-s", "0"])
            .arg("-o")
            .arg(&output)
            .args(expressions(task));
        if let Task::Fail(
            Call {
                file: Some(file), ..
            },
            ..,
        ) = task
        {
            command.arg("-P").arg(&files[*file]);
        }
        let mut child = command
            .arg(format!("--attach={}", server.pid().as_raw_pid()))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = patient(lines.next_line()).await.unwrap();
        let line = line.expect("strace says whether it is attached");
        let attached = line.contains("attached");
        assert!(attached || line.contains("not permitted"), "{line}");
        kernel_has("ptrace of another process", attached).then_some(Self {
            child,
            _messages: lines,
            output,
            _dir: dir,
        })
    }

    /// Detaches, and returns what strace has written.
    pub(crate) async fn detach(mut self) -> String {
        let id = self.child.id().expect("it has not been waited for");
        let pid = Pid::from_raw(id.try_into().unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        patient(self.child.wait()).await.unwrap();
        let output = std::fs::read(&self.output).unwrap();
        String::from_utf8_lossy(&output).into_owned()
    }
}

fn expressions(task: &Task<'_>) -> Vec<String> {
    let mut all = vec![
        "-e".to_owned(),
        "inject=clone,clone3:error=EAGAIN".to_owned(),
    ];
    let traced = match task {
        Task::Record => [&CALLS[..], &[WRITE]].concat().join(","),
        Task::Fail(call, which, error) => {
            let Call { name, number, .. } = call;
            let on = match which {
                Which::This => "",
                Which::FromThis => "+",
            };
            all.push("-e".to_owned());
            all.push(format!("inject={name}:error={error}:when={number}{on}"));
            (*name).to_owned()
        }
    };
    all.extend(["-e".to_owned(), format!("trace=clone,clone3,{traced}")]);
    all
}

/// Returns the calls in a record.
pub(crate) fn calls(record: &str, files: &[PathBuf]) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut add = |name, file, count| {
        let numbers = 1..=count;
        calls.extend(numbers.map(|number| Call { name, number, file }));
    };
    for name in CALLS {
        let all = record.lines().filter(|line| begins(line, name));
        add(name, None, most_of_a_thread(all));
    }
    for (place, file) in files.iter().enumerate() {
        let file = format!("<{}>", file.display());
        let all = record.lines().filter(|line| begins(line, WRITE));
        let count = all.filter(|line| line.contains(&file)).count();
        add(WRITE, Some(place), count);
    }
    calls
}

/// Returns how many of the calls the busiest thread makes.
fn most_of_a_thread<'a>(calls: impl Iterator<Item = &'a str>) -> usize {
    let mut counts = HashMap::new();
    for call in calls {
        *counts.entry(call.split_whitespace().next()).or_default() += 1;
    }
    counts.into_values().max().unwrap_or(0)
}

/// Whether a line of a record, which begins with a thread, is the begin of a
/// call.
fn begins(line: &str, name: &str) -> bool {
    let call = line.split_whitespace().nth(1);
    call.and_then(|call| call.strip_prefix(name))
        .is_some_and(|rest| rest.starts_with('('))
}

/// Returns how many calls strace let fail.
pub(crate) fn failed(output: &str) -> usize {
    let injected = output.lines().filter(|line| line.contains("(INJECTED)"));
    injected.filter(|line| !line.contains("clone")).count()
}
