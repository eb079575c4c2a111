//! Finds the file of a hook, and explains why it cannot run.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Whether `path` in `dir` exists, be it a file or anything else.
///
/// # Errors
///
/// Fails if this is unknown, as when the directory is gone: an upload must not
/// pass just because its hooks are missing.
pub(super) fn is_there(dir: &Path, path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::metadata(dir).map(|_| false),
        Err(error) => Err(error),
    }
}

/// Explains for the log why the system could not start the hook.
pub(super) fn reason(path: &Path, error: &io::Error) -> String {
    match (error.kind(), fs::metadata(path)) {
        (_, Ok(file)) if file.is_dir() => "it is a directory".to_owned(),
        (io::ErrorKind::NotFound, Ok(_)) => interpreter(path),
        (io::ErrorKind::NotFound, Err(_)) => "it is a dangling symlink".to_owned(),
        (io::ErrorKind::PermissionDenied, Ok(_)) => format!("it is not executable: {error}"),
        _ => error.to_string(),
    }
}

/// Whether the limit of open files or processes is reached, so that a later
/// attempt may succeed.
#[cfg(unix)]
pub(super) fn is_lack_of_resources(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(code, Some(Errno::MFILE | Errno::NFILE | Errno::AGAIN))
}

#[cfg(not(unix))]
pub(super) fn is_lack_of_resources(_: &io::Error) -> bool {
    false
}

/// Describes a missing interpreter: the file of the hook itself exists.
fn interpreter(path: &Path) -> String {
    let line = first_line(path).unwrap_or_default();
    match String::from_utf8_lossy(&line).strip_prefix("#!") {
        Some(line) if line.ends_with('\r') => {
            "its first line ends with a carriage return (CRLF), which the system treats as \
             part of the interpreter's name"
                .to_owned()
        }
        Some(line) => format!("its interpreter is missing: {:?}", line.trim()),
        None => "the loader that it requires is missing".to_owned(),
    }
}

pub(super) fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    // The system reads no more of the line either.
    const LONGEST: u64 = 256;
    let mut line = Vec::new();
    BufReader::new(File::open(path)?.take(LONGEST)).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(line)
}
