use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use std::pin::Pin;
use tokio::time::{sleep, timeout};

use crate::poll::{first, next_frame};
use crate::protocol::Task;

/// How long a client may pause.
const IDLE: Duration = Duration::from_secs(5);
/// How long it may go on in all.
const TOTAL: Duration = Duration::from_secs(30);
/// How long it may go on once the server shuts down.
const AT_SHUTDOWN: Duration = Duration::from_secs(2);
/// How much it may send.
const BYTES: u64 = 256 << 20;

/// Reads and discards the rest of a body.
pub(super) async fn linger<B>(mut body: B, mut task: Task)
where
    B: Body<Data = Bytes> + Unpin,
{
    let at_shutdown = async {
        task.begun().await;
        sleep(AT_SHUTDOWN).await;
    };
    let too_long = first(sleep(TOTAL), at_shutdown);
    first(discard(Pin::new(&mut body)), too_long).await;
}

async fn discard<B>(mut body: Pin<&mut B>)
where
    B: Body<Data = Bytes>,
{
    let mut left = BYTES;
    while let Ok(Some(Ok(frame))) = timeout(IDLE, next_frame(&mut body)).await {
        let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
        left = left.saturating_sub(bytes);
        if left == 0 {
            return;
        }
    }
}
