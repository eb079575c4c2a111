//! Where steps that block run: inline, on the thread that serves the request, or
//! on tokio's blocking pool.
//!
//! While a disk is fast, moving a step to the pool and back takes longer than the
//! step. When a disk hangs, a step that runs inline stops its thread. So there are
//! two kinds of steps:
//!
//! - A **short** step only touches what the kernel has in memory on a healthy disk:
//!   it opens, looks up, creates, renames or removes small files, and reads or writes
//!   a few bytes. [`Offload`] decides where it runs.
//! - A **long** step waits for the disk, or works in proportion to the size of an
//!   upload: it syncs, truncates, removes or copies data, or lists a directory. It
//!   always runs on the pool.
//!
//! A step whose length depends on what it finds is split: a short one looks, and
//! a long one does what it has found.
//!
//! The long steps that list directories share [one thread](OneThread).

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::coop::consume_budget;
use tokio::task::spawn_blocking;
use tower_tus_layers::protocol::Error;

use super::one_thread::OneThread;
#[cfg(test)]
use super::sim;
use super::workers::{Seat, Workers};

/// A step that took longer has met a slow disk.
const SLOW: Duration = Duration::from_millis(20);

/// How long no step runs inline after a slow one.
const PAUSE: Duration = Duration::from_secs(1);

/// Maximum number of steps of one directory on the pool at once. Enough for the
/// kernel to group the syncs of many uploads, and few enough that neither a burst
/// of requests nor a disk that hangs takes all threads of the pool.
const ON_POOL: usize = 48;

/// When file operations move to tokio's blocking pool.
///
/// Syncs, truncations, concatenations and the removal of an upload's bytes always
/// run on the pool, at most 48 at once for one store. This setting is about all
/// other operations, which a healthy disk does in microseconds.
///
/// On a runtime with a single worker, such as a current-thread runtime, everything
/// runs on the pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Offload {
    /// Runs them on the worker thread that serves the request, while the disk is
    /// fast. This is the default.
    ///
    /// At least one worker of the runtime is always free of them, so a disk that hangs
    /// does not stop other work. A thread sees to it that this worker is awake, and that
    /// operations for which no worker is left wait for 10 ms at most: then they run on the
    /// pool. After an operation that took more than 20 ms, all run there for a second.
    #[default]
    WhenSlow,
    /// Runs them on the pool, always. Requests cost more, but a slow disk never holds
    /// up any other task of the runtime, not even for milliseconds.
    Always,
}

/// Runs the steps of all stores and lockers that share a directory.
#[derive(Debug)]
pub(crate) struct Steps {
    offload: Offload,
    pace: Pace,
    pool: Arc<Semaphore>,
    listing: OneThread,
}

impl Steps {
    pub(crate) fn new(offload: Offload) -> Self {
        Self {
            offload,
            pace: Pace::new(),
            pool: Arc::new(Semaphore::new(ON_POOL)),
            listing: OneThread::default(),
        }
    }

    /// Runs a short step. A panic in it becomes an error.
    pub(crate) async fn short<T: Send + 'static>(
        &self,
        step: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // A request that makes many steps in a row lets others run in between.
        consume_budget().await;
        match self.seat().await {
            Some(seat) => self.inline(seat, step),
            None => self.long(step).await,
        }
    }

    /// Whether what needs no disk may run inline, however slow the disk is.
    pub(crate) fn may_run_inline(&self) -> bool {
        self.offload != Offload::Always && Workers::here().is_some_and(|here| here.can_spare_one())
    }

    /// Runs a long step on the pool. A panic in it becomes an error.
    ///
    /// The step runs to its end even if this future is dropped meanwhile.
    pub(crate) async fn long<T: Send + 'static>(
        &self,
        step: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        #[cfg(test)]
        if sim::is_running() {
            return step();
        }
        let permit = Arc::clone(&self.pool).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let run = move || {
            let done = step();
            drop(permit);
            done
        };
        match spawn_blocking(run).await {
            Ok(done) => done,
            Err(failed) => Err(Error::internal(failed)),
        }
    }

    /// Runs a step that lists directories, after those that were begun before it. A panic
    /// in it becomes an error.
    ///
    /// The step runs to its end even if this future is dropped meanwhile.
    pub(crate) async fn listing<T: Send + 'static>(
        &self,
        step: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        #[cfg(test)]
        if sim::is_running() {
            return step();
        }
        self.listing.run(step).await?
    }

    fn inline<T>(&self, _seat: Seat, step: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let (begin, waits) = (Instant::now(), waits_of_this_thread());
        let done = catch_unwind(AssertUnwindSafe(step));
        let end = Instant::now();
        // A thread that was preempted has met a busy processor, not a slow disk.
        if end.duration_since(begin) > SLOW && waits.is_none_or(waited_since) {
            self.pace.was_slow(end);
        }
        done.unwrap_or_else(|panic| Err(panicked(&*panic)))
    }

    /// Returns the right to run a step inline, if it is to run inline.
    async fn seat(&self) -> Option<Seat> {
        if self.offload == Offload::Always || self.pace.is_slow(Instant::now()) {
            return None;
        }
        Workers::here()?.seat().await
    }
}

/// Runs a step that may take long, and that nobody waits for.
pub(crate) fn in_background(step: impl FnOnce() + Send + 'static) {
    #[cfg(test)]
    if sim::is_running() {
        return step();
    }
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(step)),
        Err(_) => step(),
    }
}

/// Knows whether a step has been slow lately.
#[derive(Debug)]
struct Pace {
    begin: Instant,
    /// When the pause after the last slow step ends, in nanoseconds after `begin`.
    pause_ends: AtomicU64,
}

impl Pace {
    fn new() -> Self {
        Self {
            begin: Instant::now(),
            pause_ends: AtomicU64::new(0),
        }
    }

    fn is_slow(&self, now: Instant) -> bool {
        self.nanos(now) < self.pause_ends.load(Ordering::Relaxed)
    }

    fn was_slow(&self, end: Instant) {
        let pause_ends = self.nanos(end + PAUSE);
        self.pause_ends.fetch_max(pause_ends, Ordering::Relaxed);
    }

    fn nanos(&self, at: Instant) -> u64 {
        let nanos = at.duration_since(self.begin).as_nanos();
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

/// Returns how often this thread has waited for something, such as a disk.
#[cfg(target_os = "linux")]
fn waits_of_this_thread() -> Option<i64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let usage = getrusage(UsageWho::RUSAGE_THREAD).ok()?;
    Some(usage.voluntary_context_switches() as i64)
}

/// Other systems do not tell.
#[cfg(not(target_os = "linux"))]
fn waits_of_this_thread() -> Option<i64> {
    None
}

fn waited_since(waits: i64) -> bool {
    waits_of_this_thread() != Some(waits)
}

/// Returns the error of a step that ran inline and panicked.
fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref().map(String::as_str));
    Error::internal(format!("a step panicked: {}", text.unwrap_or("no message")))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::mpsc;
    use std::task::{Context, Poll, Waker};
    use std::thread::{self, ThreadId};

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn steps(offload: Offload) -> Arc<Steps> {
        Arc::new(Steps::new(offload))
    }

    fn runtime(workers: usize) -> Runtime {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(workers).build().unwrap()
    }

    async fn thread_of_a_step(steps: &Steps) -> ThreadId {
        let step = || Ok(thread::current().id());
        steps.short(step).await.unwrap()
    }

    /// Whether a short step runs inline, called by a task.
    fn runs_inline(runtime: &Runtime, steps: &Arc<Steps>) -> bool {
        let steps = Arc::clone(steps);
        let task = async move {
            let here = thread::current().id();
            thread_of_a_step(&steps).await == here
        };
        runtime.block_on(runtime.spawn(task)).unwrap()
    }

    #[test]
    fn a_short_step_runs_inline_and_a_long_one_on_the_pool() {
        let runtime = runtime(2);
        let steps = steps(Offload::WhenSlow);
        assert!(runs_inline(&runtime, &steps));
        let task = async move {
            let here = thread::current().id();
            let long = steps.long(|| Ok(thread::current().id())).await;
            long.unwrap() != here
        };
        assert!(runtime.block_on(runtime.spawn(task)).unwrap());
    }

    #[test]
    fn steps_of_all_stores_together_leave_one_worker_free() {
        let runtime = runtime(4);
        let (begun, has_begun) = mpsc::channel();
        let mut hanging = Vec::new();
        for _ in 0..8 {
            let (end, ended) = mpsc::channel::<()>();
            let (steps, begun) = (steps(Offload::WhenSlow), begun.clone());
            runtime.spawn(async move {
                let here = thread::current().id();
                let hang = move || {
                    begun.send(thread::current().id() == here).unwrap();
                    Ok(ended.recv().unwrap_err())
                };
                steps.short(hang).await.unwrap()
            });
            hanging.push(end);
        }
        // The last worker serves all the others: it sends their steps to the pool.
        let mut inline = 0;
        for _ in 0..8 {
            let begun = has_begun.recv_timeout(LONG).expect("a worker is free");
            inline += usize::from(begun);
        }
        assert_eq!(inline, 3);
        assert_eq!(runtime.block_on(runtime.spawn(async { 7 })).unwrap(), 7);
        let other = self::runtime(2);
        assert!(
            runs_inline(&other, &steps(Offload::WhenSlow)),
            "the workers of another runtime are free"
        );
        assert!(!runs_inline(&runtime, &steps(Offload::WhenSlow)));
        drop(hanging);
    }

    #[test]
    fn a_single_worker_is_never_stopped() {
        let steps = steps(Offload::WhenSlow);
        assert!(!runs_inline(&runtime(1), &steps));
        let current = Builder::new_current_thread().build().unwrap();
        assert!(!runs_inline(&current, &steps));
    }

    #[test]
    fn always_means_the_pool() {
        assert!(!runs_inline(&runtime(4), &steps(Offload::Always)));
    }

    #[test]
    fn after_a_slow_step_no_step_runs_inline_for_a_second() {
        let pace = Pace::new();
        let end = Instant::now();
        assert!(!pace.is_slow(end));
        pace.was_slow(end);
        pace.was_slow(end - Duration::from_micros(9));
        assert!(pace.is_slow(end) && pace.is_slow(end + PAUSE - Duration::from_micros(1)));
        assert!(!pace.is_slow(end + PAUSE));

        let steps = steps(Offload::WhenSlow);
        let runtime = runtime(2);
        assert!(runs_inline(&runtime, &steps));
        steps
            .pace
            .was_slow(Instant::now() + Duration::from_secs(3600));
        assert!(!runs_inline(&runtime, &steps));
    }

    /// Whether a step is found to be slow that takes long in this way.
    fn is_found_slow(wait: fn(Instant)) -> bool {
        let steps = steps(Offload::WhenSlow);
        let runtime = runtime(2);
        let slow = Arc::clone(&steps);
        let step = move || {
            wait(Instant::now() + SLOW);
            Ok(())
        };
        let task = async move { slow.short(step).await };
        runtime.block_on(runtime.spawn(task)).unwrap().unwrap();
        steps.pace.is_slow(Instant::now())
    }

    #[test]
    fn a_step_that_waits_for_long_is_slow() {
        assert!(is_found_slow(|end| {
            while Instant::now() <= end {
                thread::park_timeout(SLOW);
            }
        }));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_step_that_waits_for_the_processor_alone_is_not() {
        assert!(!is_found_slow(|end| {
            while Instant::now() <= end {
                std::hint::spin_loop();
            }
        }));
    }

    #[test]
    fn a_panic_in_a_step_is_an_error_wherever_it_runs() {
        for runtime in [runtime(1), runtime(2)] {
            let steps = steps(Offload::WhenSlow);
            let panics = Arc::clone(&steps);
            let task = async move { panics.short::<()>(|| panic!("of this test")).await };
            let failed = runtime.block_on(runtime.spawn(task)).unwrap();
            let Err(Error::Internal(source)) = failed else {
                panic!("{failed:?} is no error");
            };
            assert!(source.to_string().contains("of this test"), "{source}");
            let may_inline = runtime.metrics().num_workers() > 1;
            assert_eq!(runs_inline(&runtime, &steps), may_inline);
        }
    }

    #[test]
    fn a_step_that_a_runtime_which_has_ended_refuses_is_an_error_and_frees_its_place() {
        let ending = runtime(2);
        let ended = ending.handle().clone();
        drop(ending);
        let steps = steps(Offload::Always);
        let _entered = ended.enter();
        let step = pin!(steps.short(|| Ok(())));
        let refused = step.poll(&mut Context::from_waker(Waker::noop()));
        assert!(
            matches!(refused, Poll::Ready(Err(Error::Internal(_)))),
            "{refused:?}"
        );
        assert_eq!(steps.pool.available_permits(), ON_POOL);
    }

    #[test]
    fn a_disk_that_hangs_does_not_take_all_threads_of_the_pool() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let slow = steps(Offload::Always);
        let (begun, mut has_begun) = unbounded_channel();
        let mut hanging = Vec::new();
        for _ in 0..48 + 10 {
            let (end, ended) = mpsc::channel::<()>();
            let (slow, begun) = (Arc::clone(&slow), begun.clone());
            let hang = move || {
                begun.send(()).unwrap();
                Ok(ended.recv().unwrap_err())
            };
            hanging.push((end, runtime.spawn(async move { slow.long(hang).await })));
        }
        runtime.block_on(async {
            for _ in 0..48 {
                has_begun.recv().await.unwrap();
            }
            thread_of_a_step(&steps(Offload::Always)).await;
            assert!(has_begun.try_recv().is_err(), "there are more");
            for (end, hung) in hanging {
                drop(end);
                hung.await.unwrap().unwrap();
            }
        });
    }
}
