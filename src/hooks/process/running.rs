//! A running hook.

use tokio::io::AsyncWriteExt;
use tokio::process::Child;
use tower_tus_layers::gate::Refused;
use tower_tus_layers::protocol::BoxError;

use super::output::Output;
use crate::hooks::payload::excerpt;

/// Waits until the hook itself has ended, and returns its output.
///
/// Background processes that it leaves behind are not waited for, and keep
/// running.
pub(super) async fn run(mut child: Child, json: Vec<u8>) -> Result<Vec<u8>, BoxError> {
    let mut stdin = child.stdin.take().expect("it is piped");
    // A separate task, in case the hook never reads its input but a background
    // process keeps the pipe open. A broken pipe after the end of the hook is
    // no error.
    let fed = tokio::spawn(async move { stdin.write_all(&json).await });
    let mut output = Output::new(child.stdout.take().expect("it is piped"));
    let status = tokio::select! {
        status = child.wait() => status?,
        never = output.hear() => match never {},
    };
    fed.abort();
    output.hear_what_is_there().await;
    let said = output.into_bytes();
    if !status.success() {
        let said = said.unwrap_or_default();
        let error = format!("{status}: {}", excerpt(&said));
        return Err(match status.code() {
            // Shells use higher codes themselves: command not found, or ended
            // by a signal.
            Some(1..=125) => Refused::new(error).into(),
            _ => error.into(),
        });
    }
    said
}
