//! Polls a task that has woken itself again, without its runtime.

use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Polls in a row. After that other tasks have a turn.
const POLLS: u32 = 3;

/// Between two polls.
const WAITING: u8 = 0;
/// During a poll.
const POLLED: u8 = 1;
/// Woken during a poll.
const WOKEN: u8 = 2;

pin_project_lite::pin_project! {
    /// A task that is polled again at once if it has woken itself.
    ///
    /// hyper reads from a connection and serves its request in one task, so each piece
    /// of a body that it reads wakes the task while it runs. A runtime then puts the
    /// task into a queue and wakes another thread for it, which takes longer than
    /// everything else that is done for a small piece.
    pub(super) struct Again<F> {
        #[pin]
        task: F,
        alarm: Arc<Alarm>,
        waker: Waker,
    }
}

/// What the task is woken by.
struct Alarm {
    state: AtomicU8,
    runtime: Mutex<Waker>,
}

impl<F> Again<F> {
    pub(super) fn new(task: F) -> Self {
        let alarm = Arc::new(Alarm {
            state: AtomicU8::new(WAITING),
            runtime: Mutex::new(Waker::noop().clone()),
        });
        let waker = Arc::clone(&alarm).into();
        Self { task, alarm, waker }
    }
}

impl<F: Future> Future for Again<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        this.alarm.runtime().clone_from(cx.waker());
        for _ in 0..POLLS {
            this.alarm.state.store(POLLED, Ordering::SeqCst);
            let polled = this
                .task
                .as_mut()
                .poll(&mut Context::from_waker(this.waker));
            let was_woken = this.alarm.state.swap(WAITING, Ordering::SeqCst) == WOKEN;
            if polled.is_ready() || !was_woken {
                return polled;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Alarm {
    fn runtime(&self) -> MutexGuard<'_, Waker> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let polled = |state| (state != WAITING).then_some(WOKEN);
        let state = &self.state;
        let noted = state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, polled);
        if noted.is_err() {
            // Not under the mutex: a runtime may poll at once.
            let runtime = self.runtime().clone();
            runtime.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Counts how often the runtime has to poll a task.
    #[derive(Default)]
    struct Runtime(AtomicUsize);

    impl Wake for Runtime {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A task that wakes itself during as many polls, and is ready in the next one.
    fn busy(mut times: u32) -> impl Future<Output = ()> {
        poll_fn(move |cx| {
            if times == 0 {
                return Poll::Ready(());
            }
            times -= 1;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    /// Polls a task once, and returns whether it is ready and how often it has woken
    /// its runtime.
    fn poll(task: impl Future<Output = ()>) -> (bool, usize) {
        let runtime = Arc::new(Runtime::default());
        let waker = Arc::clone(&runtime).into();
        let task = std::pin::pin!(Again::new(task));
        let polled = task.poll(&mut Context::from_waker(&waker));
        (polled.is_ready(), runtime.0.load(Ordering::SeqCst))
    }

    #[test]
    fn a_task_that_wakes_itself_is_polled_again_without_its_runtime() {
        assert_eq!(poll(busy(0)), (true, 0));
        assert_eq!(poll(busy(POLLS - 1)), (true, 0));
    }

    #[test]
    fn a_task_that_wakes_itself_all_the_time_lets_others_run() {
        assert_eq!(poll(busy(u32::MAX)), (false, 1));
    }

    #[test]
    fn a_task_that_waits_is_polled_once_and_woken_through_its_runtime() {
        let (give, given) = mpsc::channel();
        let mut polls = 0;
        let waits = poll_fn(|cx| {
            polls += 1;
            give.send(cx.waker().clone()).unwrap();
            Poll::<()>::Pending
        });
        let runtime = Arc::new(Runtime::default());
        let waker = Arc::clone(&runtime).into();
        let mut task = Box::pin(Again::new(waits));
        let polled = task.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        assert_eq!(runtime.0.load(Ordering::SeqCst), 0);
        given.recv().unwrap().wake();
        assert_eq!(runtime.0.load(Ordering::SeqCst), 1);
        drop(task);
        assert_eq!(polls, 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_wake_from_another_thread_is_lost_whenever_it_comes() {
        let (ask, asked) = mpsc::channel::<Waker>();
        let (tell, told) = mpsc::channel();
        let told = Mutex::new(told);
        let other = std::thread::spawn(move || {
            for waker in asked {
                waker.wake();
                tell.send(()).unwrap();
            }
        });
        let task = async move {
            for round in 0..2000 {
                let mut polls = 0;
                let woken = poll_fn(|cx| {
                    polls += 1;
                    if polls > 1 {
                        return Poll::Ready(());
                    }
                    ask.send(cx.waker().clone()).unwrap();
                    // Now the wake comes during the poll, and otherwise at any time.
                    if round % 2 == 0 {
                        told.lock().unwrap().recv().unwrap();
                    }
                    Poll::Pending
                });
                woken.await;
                if round % 2 == 1 {
                    told.lock().unwrap().recv().unwrap();
                }
            }
        };
        let ended = timeout(Duration::from_secs(20), tokio::spawn(Again::new(task)));
        ended.await.unwrap().unwrap();
        other.join().unwrap();
    }
}
