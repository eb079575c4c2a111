//! Uploads in a directory that were begun earlier than they were.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

/// Makes the last byte of an upload older by this.
pub(crate) fn bytes(dir: &Path, id: &str, by: Duration) {
    let data = File::options().write(true).open(dir.join(id)).unwrap();
    let modified = data.metadata().unwrap().modified().unwrap();
    data.set_modified(modified - by).unwrap();
}

/// Makes the creation of an upload older by this, or unknown like under tusd.
pub(crate) fn creation(dir: &Path, id: &str, by: Option<Duration>) {
    let path = dir.join(format!("{id}.info"));
    let info = fs::read_to_string(&path).unwrap();
    let (before, rest) = info.split_once(r#""Created":"#).unwrap();
    let digits = rest.find([',', '}']).unwrap();
    let created = match by {
        Some(by) => (rest[..digits].parse::<u64>().unwrap() - by.as_secs()).to_string(),
        None => "null".to_owned(),
    };
    // In place, since a gateway keeps the tag of an object with its file.
    let info = File::options().write(true).open(&path).unwrap();
    let at = before.len() + r#""Created":"#.len();
    let padded = format!("{created:<digits$}");
    info.write_all_at(padded.as_bytes(), at as u64).unwrap();
}

/// Makes all of an upload older by this.
pub(crate) fn upload(dir: &Path, id: &str, by: Duration) {
    creation(dir, id, Some(by));
    bytes(dir, id, by);
}
