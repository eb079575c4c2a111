//! The program that starts a hook.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use tokio::process::Command;

/// A program and its leading arguments.
#[derive(Clone, Debug)]
pub(super) struct Launcher {
    program: PathBuf,
    args: Vec<OsString>,
}

impl Launcher {
    pub(super) const fn new(program: PathBuf, args: Vec<OsString>) -> Self {
        Self { program, args }
    }

    /// Builds the command that starts the hook at `path`.
    pub(super) fn command(&self, path: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).arg(path);
        command
    }
}

impl fmt::Display for Launcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.program.display().fmt(f)
    }
}

/// Replaces this process with the hook, or writes to stdout why it cannot.
#[cfg(unix)]
pub(super) fn exec(path: &Path) -> std::process::ExitCode {
    use std::io::Write;
    use std::os::unix::process::CommandExt;

    /// The code that shells use; it does not count as a decision of the hook.
    const CANNOT_EXECUTE: u8 = 126;

    let error = match is_executable_format(path) {
        true => std::process::Command::new(path).exec(),
        false => rustix::io::Errno::NOEXEC.into(),
    };
    let reason = super::executable::reason(path, &error);
    let _ = writeln!(std::io::stdout(), "{reason}");
    CANNOT_EXECUTE.into()
}

/// Whether the kernel itself can run the file. The C library passes any other
/// file to a shell, where an empty hook would accept every upload.
#[cfg(unix)]
fn is_executable_format(path: &Path) -> bool {
    // An unreadable file may still run; if it does not, exec reports why.
    super::executable::first_line(path).map_or(true, |line| match line.strip_prefix(b"#!") {
        Some(interpreter) => !interpreter.trim_ascii().is_empty(),
        // A shell runs no file with zero bytes in its first line.
        None => line.contains(&0),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::is_executable_format;

    #[test]
    fn only_scripts_with_an_interpreter_and_binaries_have_a_format() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hook");
        for (content, is_executable) in [
            ("#!/bin/sh\nexit 0\n", true),
            ("#! /bin/sh", true),
            ("\u{7f}ELF\u{2}\u{1}\u{1}\0\0\0", true),
            ("", false),
            ("exit 0\n", false),
            ("#!\nexit 0\n", false),
        ] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(is_executable_format(&path), is_executable, "{content:?}");
        }
    }
}
