//! Detects clients that are silent, and floods of frames.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

/// The incoming traffic of a connection.
#[derive(Clone, Debug)]
pub(super) struct Traffic(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    heard: Mutex<Instant>,
    flooded: Notify,
}

impl Default for Traffic {
    fn default() -> Self {
        Self(Arc::new(Shared {
            heard: Mutex::new(Instant::now()),
            flooded: Notify::new(),
        }))
    }
}

impl Traffic {
    /// Records that bytes have arrived.
    pub(super) fn hear(&self) {
        *self.heard() = Instant::now();
    }

    /// Records that the client sends too many frames without bytes.
    pub(super) fn flood(&self) {
        self.0.flooded.notify_one();
    }

    /// Waits for a flood of frames.
    pub(super) async fn flooded(&self) {
        self.0.flooded.notified().await;
    }

    fn heard(&self) -> MutexGuard<'_, Instant> {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until the client has sent nothing for `limit`. Half-way it gets a PING.
pub(super) async fn silent(mut pings: PingPong, traffic: &Traffic, limit: Duration) {
    let half = limit / 2;
    loop {
        let quiet = *traffic.heard() + half;
        sleep_until(quiet).await;
        let heard = *traffic.heard();
        if heard + half > quiet {
            continue;
        }
        let asked = Instant::now();
        // It fails while the last PING is unanswered, which changes nothing.
        if let Ok(Ok(_)) = timeout(half, pings.ping(Ping::opaque())).await {
            continue;
        }
        sleep_until(asked + half).await;
        if *traffic.heard() == heard {
            return;
        }
    }
}
