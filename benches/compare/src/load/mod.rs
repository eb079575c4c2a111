//! Loads: what clients do to a server, and what it costs the server.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Result;
use crate::interrupt;
use crate::process::{Usage, Watch};
use crate::sample::{Metric, Sample};
use crate::server::Server;

pub(crate) mod bulk;
pub(crate) mod closed;
pub(crate) mod trickle;

#[cfg(test)]
#[path = "../../../../tests/harness/services.rs"]
#[allow(dead_code, reason = "only some are needed")]
pub(crate) mod services;
#[cfg(test)]
mod tests;

const INTERVAL: Duration = Duration::from_millis(50);
const MIB: f64 = (1 << 20) as f64;

/// How a load is generated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    /// Threads of the client.
    pub(crate) threads: usize,
    pub(crate) warm_up: Duration,
    pub(crate) timed: Duration,
}

/// Runs a future on a runtime of its own, in a thread of its own.
fn on_a_thread<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> JoinHandle<Result<T>> {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build()?;
        runtime.block_on(work)
    })
}

/// Joins a thread. A panic becomes an error.
fn join<T>(thread: JoinHandle<Result<T>>) -> Result<T> {
    thread.join().map_err(|_| "a thread of the load panicked")?
}

/// Watches memory and threads of a server, until `end` or until `is_over`.
fn watch(server: &Server, end: Option<Instant>, is_over: impl Fn() -> bool) -> Result<Watch> {
    let mut watch = Watch::default();
    loop {
        interrupt::check()?;
        watch.note(&server.usage()?);
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if is_over() || left == Some(Duration::ZERO) {
            return Ok(watch);
        }
        std::thread::sleep(left.unwrap_or(INTERVAL).min(INTERVAL));
    }
}

/// Adds memory and threads to a sample.
fn add_watch(sample: &mut Sample, watch: &Watch) {
    sample.insert(Metric::Rss, watch.most_rss() as f64 / MIB);
    sample.insert(Metric::Threads, watch.steady_threads() as f64);
    sample.insert(Metric::MostThreads, watch.most_threads() as f64);
}

/// Returns the CPU time that a server took since an earlier reading.
fn cpu_since(server: &Server, before: &Usage) -> Result<Duration> {
    Ok(server.usage()?.cpu.saturating_sub(before.cpu))
}
