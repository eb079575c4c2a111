//! What a hook complains of.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr};
use tower_tus_layers::hooks::{Event, HookKind};
use tower_tus_layers::protocol::UploadId;

/// Bytes at which a line is cut.
const LINE: u64 = 4 << 10;

/// Logs each line that the hook writes to stderr, as long as anyone of its
/// processes may write there. Nobody waits for it.
pub(super) fn log(child: &mut Child, event: &Event) {
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(log_lines(stderr, event.kind, event.upload.id.clone()));
    }
}

async fn log_lines(stderr: ChildStderr, kind: HookKind, id: UploadId) {
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    // An error too is the end of what can be read.
    while matches!(
        (&mut stderr).take(LINE).read_until(b'\n', &mut line).await,
        Ok(1..)
    ) {
        let text = String::from_utf8_lossy(line.trim_ascii_end());
        tracing::info!("type" = %kind, %id, stderr = &*text, "HookStderr");
        line.clear();
    }
}
