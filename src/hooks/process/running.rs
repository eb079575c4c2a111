//! A hook that runs.

use tokio::io::AsyncWriteExt;
use tokio::process::Child;
use tower_tus_layers::gate::Refused;
use tower_tus_layers::protocol::BoxError;

use super::output::Output;
use crate::hooks::payload::excerpt;

/// Waits until the hook itself has ended, and gives what it said.
///
/// What it leaves behind in the background is not waited for, and may go on.
pub(super) async fn run(mut child: Child, json: Vec<u8>) -> Result<Vec<u8>, BoxError> {
    let mut stdin = child.stdin.take().expect("it is piped");
    // In a task of its own, for a hook that never reads it and has left
    // somebody behind. One that has ended leaves a broken pipe, and that is fine.
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
            // Beyond these are the shell's own: it found no command, or a signal ended one.
            Some(1..=125) => Refused::new(error).into(),
            _ => error.into(),
        });
    }
    said
}
