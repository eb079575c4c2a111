//! Uploads of tusd before 1.0, whose data files are named `<id>.bin`.

use std::io;
use std::path::Path;

/// Renames their data files, in a shell within the directory.
const RENAME: &str = r#"for data in *.bin; do mv -n -- "$data" "${data%.bin}"; done"#;

/// Looks for them in the background, and warns how to rename them.
pub(crate) fn look_for_early(dir: &Path) {
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || match count(&dir) {
        Ok(0) => {}
        Ok(uploads) => tracing::warn!(
            uploads,
            dir = %dir.display(),
            rename = RENAME,
            "uploads of early tusd cannot be found until their data files are renamed"
        ),
        Err(error) => tracing::warn!(%error, dir = %dir.display(), "cannot look for early uploads"),
    });
}

fn count(dir: &Path) -> io::Result<usize> {
    let mut uploads = 0;
    for entry in dir.read_dir()? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".bin")) else {
            continue;
        };
        // An id may end in `.bin` itself.
        let early = dir.join(format!("{id}.info")).exists() && !dir.join(id).exists();
        uploads += usize::from(early);
    }
    Ok(uploads)
}
