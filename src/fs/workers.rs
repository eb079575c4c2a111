//! The workers of a runtime, of which some run steps that may hang.
//!
//! In a tokio runtime, one worker at a time waits for the events of all sockets
//! and timers. If it then runs a step that hangs while the others sleep, nobody
//! waits for events any more, although workers are free. So a thread looks
//! whether steps end, and if they do not, wakes a worker: with nothing else to
//! do, that one waits for events.
//!
//! A step that finds all places taken waits for one: others end within microseconds,
//! and to move to the pool and back takes longer. Once that thread has seen that none
//! ends, nobody waits.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::runtime::{self, Handle};
use tokio::sync::Notify;
use tokio::task::yield_now;

/// How long a step may take before a worker is woken, within twice this time.
const LOOK: Duration = Duration::from_millis(5);

/// After so many looks without any step, the thread sleeps until the next one.
const LOOKS: u32 = 20;

/// The worker threads of one runtime. All stores together leave one of them free.
#[derive(Debug)]
pub(super) struct Workers {
    runtime: runtime::Id,
    /// Maximum number of steps that run inline at once.
    limit: usize,
    inline: AtomicUsize,
    /// The number of steps that have run inline. It may wrap around.
    ended: AtomicUsize,
    /// The number of steps that wait until fewer run inline.
    waiting: AtomicUsize,
    /// Wakes one of them when a step has ended, and all when none ends.
    freed: Notify,
    /// Whether steps ran at the last look, and none had ended since the one before.
    stuck: AtomicBool,
    /// The thread that looks, and whether it sleeps.
    watcher: Option<Thread>,
    asleep: AtomicBool,
}

/// A step that runs inline.
#[derive(Debug)]
pub(super) struct Seat(Arc<Workers>);

impl Workers {
    /// Returns the workers of the current runtime.
    pub(super) fn here() -> Option<Arc<Self>> {
        thread_local! {
            static LAST: RefCell<Option<Arc<Workers>>> = const { RefCell::new(None) };
        }
        let runtime = Handle::try_current().ok()?;
        LAST.with_borrow_mut(|last| match last {
            Some(workers) if workers.runtime == runtime.id() => Some(Arc::clone(workers)),
            _ => last.insert(Self::of(&runtime)).clone().into(),
        })
    }

    fn of(runtime: &Handle) -> Arc<Self> {
        static ALL: Mutex<Vec<Weak<Workers>>> = Mutex::new(Vec::new());
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|workers| workers.strong_count() > 0);
        let mut known = all.iter().filter_map(Weak::upgrade);
        if let Some(workers) = known.find(|workers| workers.runtime == runtime.id()) {
            return workers;
        }
        let workers = Self::watched(runtime);
        all.push(Arc::downgrade(&workers));
        workers
    }

    /// Begins to watch the workers of a runtime.
    fn watched(runtime: &Handle) -> Arc<Self> {
        let spare = runtime.metrics().num_workers() - 1;
        let (tell, told) = mpsc::channel::<Weak<Self>>();
        let watcher = (spare > 0).then(|| {
            let runtime = runtime.clone();
            let watch = move || told.recv().map(|workers| watch(&workers, &runtime));
            thread::Builder::new()
                .name("watch-steps".to_owned())
                .spawn(watch)
        });
        let watcher = watcher
            .and_then(Result::ok)
            .map(|thread| thread.thread().clone());
        // Without a watcher, nobody would notice that a step hangs.
        let limit = watcher.as_ref().map_or(0, |_| spare);
        let workers = Arc::new(Self::new(runtime, limit, watcher));
        // There is no receiver if there is no watcher.
        let _ = tell.send(Arc::downgrade(&workers));
        workers
    }

    fn new(runtime: &Handle, limit: usize, watcher: Option<Thread>) -> Self {
        Self {
            runtime: runtime.id(),
            limit,
            inline: AtomicUsize::new(0),
            ended: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            freed: Notify::new(),
            stuck: AtomicBool::new(false),
            watcher,
            asleep: AtomicBool::new(false),
        }
    }

    /// Whether the runtime has a worker to spare.
    pub(super) fn can_spare_one(&self) -> bool {
        self.limit > 0
    }

    /// Returns the right to run a step inline, once there is a place for it. Returns
    /// `None` if no step ends.
    pub(super) async fn seat(self: Arc<Self>) -> Option<Seat> {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // This task may have woken the one that waits, which then only this thread
            // can run. If the next step hung, both would.
            yield_now().await;
        }
        match self.free_seat() {
            Some(seat) => Some(seat),
            None if self.can_spare_one() => self.wait().await,
            None => None,
        }
    }

    async fn wait(self: Arc<Self>) -> Option<Seat> {
        let _waiting = Waiting::of(&self.waiting);
        loop {
            let freed = self.freed.notified();
            if let Some(seat) = self.free_seat() {
                return Some(seat);
            }
            if self.stuck.load(Ordering::SeqCst) {
                return None;
            }
            freed.await;
        }
    }

    fn free_seat(self: &Arc<Self>) -> Option<Seat> {
        let one_more = |inline| (inline < self.limit).then_some(inline + 1);
        let (set, fetch) = (Ordering::SeqCst, Ordering::SeqCst);
        self.inline.fetch_update(set, fetch, one_more).ok()?;
        if self.asleep.load(Ordering::SeqCst) {
            self.wake();
        }
        Some(Seat(Arc::clone(self)))
    }

    fn wake(&self) {
        if let Some(watcher) = &self.watcher {
            watcher.unpark();
        }
    }

    /// Whether a step runs inline, and how many have run so far.
    fn steps(&self) -> (bool, usize) {
        let runs = self.inline.load(Ordering::SeqCst) > 0;
        (runs, self.ended.load(Ordering::SeqCst))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
        self.0.inline.fetch_sub(1, Ordering::SeqCst);
        if self.0.waiting.load(Ordering::SeqCst) > 0 {
            self.0.freed.notify_one();
        }
    }
}

/// Counts a step that waits.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.wake();
    }
}

/// Wakes a worker whenever steps run and none has ended since the last look.
fn watch(workers: &Weak<Workers>, runtime: &Handle) {
    let (mut before, mut idle) = (0, 0);
    loop {
        thread::sleep(LOOK);
        let Some(workers) = workers.upgrade() else {
            return;
        };
        let (runs, ended) = workers.steps();
        let none_has_ended = ended == before;
        before = ended;
        workers
            .stuck
            .store(runs && none_has_ended, Ordering::SeqCst);
        match (runs, none_has_ended) {
            (true, true) => {
                workers.freed.notify_waiters();
                drop(runtime.spawn(async {}));
            }
            (false, true) => idle += 1,
            (_, false) => idle = 0,
        }
        if idle >= LOOKS {
            idle = 0;
            sleep(workers, ended);
        }
    }
}

/// Sleeps until the next step, or until the workers are gone.
fn sleep(workers: Arc<Workers>, ended: usize) {
    workers.asleep.store(true, Ordering::SeqCst);
    // A step that began before this did not see that it has to wake the thread.
    if workers.steps() == (false, ended) {
        let left = Arc::downgrade(&workers);
        drop(workers);
        thread::park();
        if let Some(workers) = left.upgrade() {
            workers.asleep.store(false, Ordering::SeqCst);
        }
        return;
    }
    workers.asleep.store(false, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream as Socket;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio::runtime::{Builder, Runtime};

    use super::*;
    use crate::fs::offload::{Offload, Steps};

    fn runtime() -> Runtime {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(4).enable_all().build().unwrap()
    }

    /// A task of the runtime that answers each byte once `work` is done.
    fn serve<F: Future<Output = ()> + Send>(
        runtime: &Runtime,
        work: impl Fn() -> F + Send + 'static,
    ) -> Socket {
        let (client, server) = Socket::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        runtime.spawn(async move {
            let mut server = UnixStream::from_std(server).unwrap();
            while let Ok(byte) = server.read_u8().await {
                work().await;
                server.write_u8(byte).await.unwrap();
            }
        });
        client
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        client
    }

    fn ask(mut client: &Socket, byte: u8) -> u8 {
        let mut answer = [0];
        client.write_all(&[byte]).unwrap();
        client.read_exact(&mut answer).expect("it is answered");
        answer[0]
    }

    /// Polls once.
    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
        let waker = std::task::Waker::noop();
        future.poll(&mut std::task::Context::from_waker(waker))
    }

    #[tokio::test]
    async fn a_step_waits_for_another_to_end_unless_none_ends() {
        // Without the thread that looks.
        let workers = Arc::new(Workers::new(&Handle::current(), 1, None));
        let seat = Arc::clone(&workers).seat().await;
        let waiting = Arc::clone(&workers).seat();
        let mut waiting = std::pin::pin!(waiting);
        assert!(poll(waiting.as_mut()).is_pending());
        drop(seat);
        assert!(waiting.await.is_some());

        let _seat = Arc::clone(&workers).seat().await;
        let waiting = Arc::clone(&workers).seat();
        let mut waiting = std::pin::pin!(waiting);
        assert!(poll(waiting.as_mut()).is_pending());
        workers.stuck.store(true, Ordering::SeqCst);
        workers.freed.notify_waiters();
        assert!(waiting.await.is_none());
        assert!(Arc::clone(&workers).seat().await.is_none());
        assert_eq!(workers.waiting.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn who_has_waited_goes_first() {
        let workers = Arc::new(Workers::new(&Handle::current(), 2, None));
        let [one, _two] = [workers.free_seat(), workers.free_seat()];
        let mut waiting = std::pin::pin!(Arc::clone(&workers).seat());
        assert!(poll(waiting.as_mut()).is_pending());
        drop(one);
        let mut next = std::pin::pin!(Arc::clone(&workers).seat());
        assert!(poll(next.as_mut()).is_pending(), "it makes way");
        let seat = waiting.await;
        assert!(seat.is_some());
        assert!(poll(next.as_mut()).is_pending(), "none is free");
        drop(seat);
        assert!(next.await.is_some());
    }

    #[test]
    fn a_step_that_hangs_stops_no_other_connection_of_its_runtime() {
        let runtime = runtime();
        let steps = Arc::new(Steps::new(Offload::WhenSlow));
        let (begun, has_begun) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let ended = Arc::new(Mutex::new(ended));
        let hanging = serve(&runtime, move || {
            let (steps, begun, ended) = (Arc::clone(&steps), begun.clone(), Arc::clone(&ended));
            let hang = move || {
                begun.send(()).unwrap();
                ended.lock().unwrap().recv().unwrap();
                Ok(())
            };
            async move { steps.short(hang).await.unwrap() }
        });
        let other = serve(&runtime, async || ());
        assert_eq!(ask(&other, 1), 1);
        for round in 0..3 {
            // Until all workers and the watcher sleep.
            thread::sleep(LOOK * 2 * LOOKS);
            (&hanging).write_all(&[round]).unwrap();
            has_begun.recv().unwrap();
            assert_eq!(ask(&other, round), round);
            end.send(()).unwrap();
            (&hanging).read_exact(&mut [0]).unwrap();
        }
    }
}
