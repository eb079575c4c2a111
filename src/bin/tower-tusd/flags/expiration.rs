//! Flags about uploads that expire.

use std::time::Duration;

use clap::{Args, ValueEnum};
use tower_tus::Expiration;

use super::{Flags, Place, go};

/// Flags about when uploads expire, and who removes them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Expiration")]
pub(crate) struct ExpirationFlags {
    /// Time after which unfinished uploads expire; 0 means never
    #[arg(long, default_value = "0", value_parser = go::duration)]
    expiration: Duration,

    /// What -expiration counts from: sliding (the last byte that arrived) or fixed (the creation)
    #[arg(long, default_value = "sliding")]
    expiration_mode: ExpirationMode,

    /// Time after which finished uploads expire, counted from their last byte; 0 means never
    #[arg(long, default_value = "0", value_parser = go::duration)]
    expiration_finished: Duration,

    /// Interval between searches for uploads to remove: by default 10m, or 24h in an object store, where each search costs calls; 0 means that this server removes none
    #[arg(long, value_parser = go::duration)]
    expiration_scan_interval: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ExpirationMode {
    Sliding,
    Fixed,
}

impl ExpirationFlags {
    fn is_set(&self) -> bool {
        !self.expiration.is_zero() || !self.expiration_finished.is_zero()
    }

    /// Warns of a mode that nothing applies to.
    pub(super) fn warning(&self) -> Option<String> {
        let is_idle = self.expiration.is_zero() && self.expiration_mode == ExpirationMode::Fixed;
        is_idle.then(|| "-expiration-mode has no effect without -expiration".to_owned())
    }
}

impl Flags {
    /// The interval in which the server looks through all uploads; 0 for never.
    pub(crate) fn scan_interval(&self) -> Duration {
        let default = match self.place() {
            Place::Directory => Duration::from_secs(10 * 60),
            _ => Duration::from_secs(24 * 60 * 60),
        };
        self.expiration.expiration_scan_interval.unwrap_or(default)
    }

    /// The interval in which the server removes expired uploads, if it does.
    pub(crate) fn removes_every(&self) -> Option<Duration> {
        let interval = self.scan_interval();
        (self.expiration.is_set() && !interval.is_zero()).then_some(interval)
    }

    /// When uploads expire, if they do. Each call makes another one, which does not know
    /// what was removed for the others.
    pub(crate) fn expiration(&self) -> Option<Expiration> {
        let flags = &self.expiration;
        let if_set = |time: Duration| (!time.is_zero()).then_some(time);
        // No time at all: a sum with this one overflows.
        let unfinished = if_set(flags.expiration).unwrap_or(Duration::MAX);
        let mut expiration =
            Expiration::after(unfinished).finish_attempts(self.hooks.hooks_finish_attempts);
        if flags.expiration_mode == ExpirationMode::Fixed {
            expiration = expiration.fixed();
        }
        if let Some(time) = if_set(flags.expiration_finished) {
            expiration = expiration.finished(time);
        }
        flags.is_set().then_some(expiration)
    }
}
