//! What the name of a file tells.

use tower_tus_layers::protocol::UploadId;

use super::super::leftover::is_random;

/// What a file may be, by its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// The next `.info` of an upload, while it is written.
    Draft,
    /// The file of a process whose locks are links of it.
    LockDraft,
    /// Written to try whether the directory can be written to.
    Probe,
    Data(UploadId),
    Info(UploadId),
    New(UploadId),
    Chunk(UploadId),
    Lock(UploadId),
    Stop(UploadId),
}

impl Name {
    /// Returns `None` if it is not one of ours, or hidden.
    pub(super) fn of(path: &str) -> Option<Self> {
        let (dir, last) = path.rsplit_once('/').unwrap_or(("", path));
        let is_inside = dir.is_empty() || is_id(dir, |_| true);
        if let Some(hidden) = last.strip_prefix('.') {
            match hidden.split_once('.').filter(|_| is_inside) {
                Some((random, "new")) if is_id(random, is_random) => return Some(Self::Draft),
                Some((random, "lock")) if is_id(random, is_random) => return Some(Self::LockDraft),
                Some(("probe", "new")) => return Some(Self::Probe),
                _ => {}
            }
        }
        type Side = fn(UploadId) -> Name;
        let sides: [(&str, Side); 5] = [
            (".info", Self::Info),
            (".new", Self::New),
            (".chunk", Self::Chunk),
            (".lock", Self::Lock),
            (".stop", Self::Stop),
        ];
        for (suffix, side) in sides {
            if let Some(id) = path.strip_suffix(suffix) {
                return id.parse().ok().map(side);
            }
        }
        let id = path.parse().ok().filter(|_| !last.starts_with('.'));
        id.map(Self::Data)
    }
}

fn is_id(text: &str, is: fn(&UploadId) -> bool) -> bool {
    text.parse().is_ok_and(|id| is(&id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_what_a_file_may_be() {
        let random = "0123456789abcdef0123456789abcdef";
        let id = |id: &str| id.parse().unwrap();
        for (path, name) in [
            ("a", Name::Data(id("a"))),
            ("a/b.c", Name::Data(id("a/b.c"))),
            ("a/b.info", Name::Info(id("a/b"))),
            (".a.info", Name::Info(id(".a"))),
            ("a.new", Name::New(id("a"))),
            (".a.new", Name::New(id(".a"))),
            ("a.chunk", Name::Chunk(id("a"))),
            ("a.lock", Name::Lock(id("a"))),
            ("a.stop", Name::Stop(id("a"))),
            (&format!("a/.{random}.new"), Name::Draft),
            (&format!(".{random}.lock"), Name::LockDraft),
            (".probe.new", Name::Probe),
        ] {
            assert_eq!(Name::of(path), Some(name), "{path}");
        }
        for path in [
            ".a",
            "a/.a",
            ".gitignore",
            "a b",
            "a b.info",
            "a.part",
            ".info",
            "x.lock.lock",
        ] {
            assert_eq!(Name::of(path), None, "{path}");
        }
        let upper = format!(".{}.new", random.to_uppercase());
        assert!(matches!(Name::of(&upper), Some(Name::New(_))));
    }
}
