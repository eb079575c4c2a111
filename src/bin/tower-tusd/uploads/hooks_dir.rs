//! Checks the directory of hooks at the start.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use tower_tus::layers::hooks::{HookKind, HookKinds};

use crate::error::StartError;

/// Refuses a directory that cannot be read, and names that only resemble an event:
/// such a hook would let every upload through. Warns of hooks for events that are
/// not enabled.
pub(super) fn check(dir: &Path, enabled: HookKinds) -> Result<(), StartError> {
    let failed =
        |error| StartError::unusable(format!("cannot use -hooks-dir {}", dir.display()), error);
    for entry in fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(kind) = meant(&name) else {
            continue;
        };
        let path = dir.join(&name);
        if name == kind.as_str() {
            warn_unless_enabled(&path, kind, enabled);
        } else if dir.join(kind.as_str()).symlink_metadata().is_err() {
            let path = path.display();
            return Err(StartError::Flags(format!(
                "{path} would never run: the name of the hook is {kind}, without an extension"
            )));
        }
    }
    Ok(())
}

fn warn_unless_enabled(path: &Path, kind: HookKind, enabled: HookKinds) {
    if !enabled.contains(kind) {
        let path = path.display();
        tracing::warn!("{path} never runs: {kind} is not among -hooks-enabled-events");
    }
}

/// The event that a name resembles, apart from case, extension and word separators.
fn meant(name: &OsStr) -> Option<HookKind> {
    let name = name.to_string_lossy();
    let (stem, _) = name.split_once('.').unwrap_or((&name, ""));
    let letters = |text: &str| {
        let letters = text.chars().filter(|char| char.is_alphanumeric());
        letters.collect::<String>().to_ascii_lowercase()
    };
    let stem = letters(stem);
    let mut kinds = HookKind::ALL.iter().copied();
    kinds.find(|kind| letters(kind.as_str()) == stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_resembles_an_event_is_recognized() {
        for name in [
            "pre-create",
            "pre-create.sh",
            "pre-create.d",
            "pre-create.sh.bak",
            "Pre-Create",
            "PRECREATE.EXE",
            "pre_create",
            "pre create",
            "pre-create~",
            "pre\u{2013}create",
        ] {
            assert_eq!(meant(name.as_ref()), Some(HookKind::PreCreate), "{name:?}");
        }
        for name in [
            "",
            "pre",
            "create",
            "pre-create2",
            "pre-creates",
            "lib-pre-create",
            ".pre-create.swp",
            "README.md",
        ] {
            assert_eq!(meant(name.as_ref()), None, "{name:?}");
        }
    }
}
