//! How fast a client sends.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes per second of a client that fills a part soon.
const QUICK: u64 = 1 << 20;

/// How long a client may send nothing before its memory is given to others who wait.
const SILENCE: Duration = Duration::from_secs(1);

/// How long bytes may stay in memory while others wait.
const HOLD: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Pace {
    is_quick: bool,
    /// When the first of the bytes in memory could come.
    begun: Instant,
    heard: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            is_quick: false,
            begun: now,
            heard: now,
        }
    }

    /// Whether the client is known to fill memory soon.
    pub(super) const fn is_quick(&self) -> bool {
        self.is_quick
    }

    /// Notes that bytes have come.
    pub(super) fn hear(&mut self) {
        self.heard = Instant::now();
    }

    /// Judges by the bytes that have come into memory.
    pub(super) fn judge(&mut self, bytes: u64) {
        if bytes > 0 {
            let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.is_quick = bytes.saturating_mul(1_000) >= QUICK.saturating_mul(millis);
        }
    }

    /// Begins again, with empty memory.
    pub(super) fn begin(&mut self) {
        self.begun = Instant::now();
        self.heard = self.begun;
    }

    /// When memory has to be given back, if others wait for it.
    pub(super) fn end(&self) -> Instant {
        (self.heard + SILENCE).min(self.begun + HOLD)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_is_quick_as_long_as_it_fills_memory_soon() {
        let mut pace = Pace::new();
        assert!(!pace.is_quick(), "nobody knows yet");
        advance(Duration::from_millis(100)).await;
        pace.judge(256 << 10);
        assert!(pace.is_quick());
        pace.begin();
        pace.judge(0);
        assert!(pace.is_quick(), "nothing new is known");
        advance(Duration::from_secs(1)).await;
        pace.judge(256 << 10);
        assert!(!pace.is_quick());
    }

    #[tokio::test(start_paused = true)]
    async fn silent_and_slow_clients_give_memory_back() {
        let mut pace = Pace::new();
        assert_eq!(pace.end(), Instant::now() + SILENCE);
        for _ in 0..20 {
            advance(SILENCE / 2).await;
            pace.hear();
        }
        assert_eq!(pace.end(), Instant::now());
    }
}
