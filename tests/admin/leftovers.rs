//! What crashes leave, made by hand.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The names of leftovers that nobody needs, and of those that may belong to somebody.
pub(crate) const OURS: [&str; 5] = [
    ".4f2a9c3e0b1d4f2a9c3e0b1d4f2a9c3e.new",
    "00000000000000000000000000000e0e",
    "half.new",
    "moved.info",
    "nobody.chunk",
];
pub(crate) const FOREIGN: [&str; 2] = ["finished-long-ago", "unreadable.info"];

/// Writes one leftover of each kind, which are older than a day.
pub(crate) fn write_all(data: &Path) {
    let info = |id: &str| {
        let (path, info) = (data.join(id), data.join(format!("{id}.info")));
        let storage = serde_json::json!({ "Type": "filestore", "Path": path, "InfoPath": info });
        serde_json::json!({ "ID": id, "Size": 5, "Offset": 0, "MetaData": {}, "Storage": storage })
            .to_string()
    };
    for (name, content) in [
        (OURS[0], info("next")),
        (OURS[1], String::new()),
        (OURS[2], info("half")),
        ("half", "hel".to_owned()),
        (OURS[3], info("moved")),
        (OURS[4], "0".to_owned()),
        (FOREIGN[0], "hello".to_owned()),
        (FOREIGN[1], "{ this is no JSON }".to_owned()),
        ("unreadable", "hello".to_owned()),
    ] {
        fs::write(data.join(name), content).unwrap();
        make_old(&data.join(name));
    }
}

/// Makes a file older than a day.
pub(crate) fn make_old(path: &Path) {
    let then = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(then).unwrap();
}
