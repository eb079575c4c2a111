//! Whether a client is still there, and whether it behaves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use h2::{Ping, PingPong};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

/// What is seen of the traffic on a connection.
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
    /// Bytes have come.
    pub(super) fn hear(&self) {
        *self.heard() = Instant::now();
    }

    /// The client sends too many frames that carry nothing.
    pub(super) fn flood(&self) {
        self.0.flooded.notify_one();
    }

    /// Waits until it does.
    pub(super) async fn flooded(&self) {
        self.0.flooded.notified().await;
    }

    fn heard(&self) -> MutexGuard<'_, Instant> {
        self.0.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until nothing has come for as long as `limit`: the client is asked
/// after half of that time.
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
        // It is an error while the last one is unanswered, which is no news.
        if let Ok(Ok(_)) = timeout(half, pings.ping(Ping::opaque())).await {
            continue;
        }
        sleep_until(asked + half).await;
        if *traffic.heard() == heard {
            return;
        }
    }
}
