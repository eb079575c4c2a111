//! The error output of a hook.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr};
use tower_tus_layers::hooks::{Event, HookKind};
use tower_tus_layers::protocol::UploadId;

/// Maximum length of a line in bytes; the rest is cut.
const LINE: u64 = 4 << 10;

/// Logs each line that the hook or its child processes write to stderr, in the
/// background.
pub(super) fn log(child: &mut Child, event: &Event) {
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(log_lines(stderr, event.kind, event.upload.id.clone()));
    }
}

async fn log_lines(stderr: ChildStderr, kind: HookKind, id: UploadId) {
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    // An error ends the output as well.
    while matches!(
        (&mut stderr).take(LINE).read_until(b'\n', &mut line).await,
        Ok(1..)
    ) {
        let text = String::from_utf8_lossy(line.trim_ascii_end());
        tracing::info!("type" = %kind, %id, stderr = &*text, "HookStderr");
        line.clear();
    }
}
