//! A thread for steps that keep much in memory from one to the next.
//!
//! Allocators keep what a thread has freed for the same thread. If the steps of a pass
//! over millions of files ran on changing threads of a pool, each of these would keep as
//! much as the largest step takes.

use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};
use tower_tus_layers::protocol::Error;

/// Runs steps one after the other on a thread, which is started for the first one and
/// ends when there are none for some seconds.
#[derive(Default)]
pub(super) struct OneThread(Mutex<Option<Runtime>>);

impl OneThread {
    /// Runs a step. It runs to its end even if this future is dropped meanwhile.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started, or the step panics.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let thread = self.thread().map_err(Error::internal)?;
        thread.spawn_blocking(step).await.map_err(Error::internal)
    }

    /// Returns a runtime that does nothing else than to keep the thread.
    fn thread(&self) -> io::Result<Handle> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*kept {
            return Ok(runtime.handle().clone());
        }
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(1)
            .thread_name("tower-tus-list")
            .build()?;
        let handle = runtime.handle().clone();
        *kept = Some(runtime);
        Ok(handle)
    }
}

impl Drop for OneThread {
    fn drop(&mut self) {
        let kept = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        // A runtime that is just dropped waits for its thread, and panics in a task.
        if let Some(runtime) = kept.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for OneThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneThread")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn all_steps_run_on_one_thread_which_is_not_that_of_the_caller() {
        let one = OneThread::default();
        let steps = (0..20).map(|_| one.run(|| thread::current().id()));
        let threads: Result<HashSet<_>, _> = futures_util::future::join_all(steps)
            .await
            .into_iter()
            .collect();
        let threads = threads.unwrap();
        assert_eq!(threads.len(), 1);
        assert!(!threads.contains(&thread::current().id()));
    }

    #[tokio::test]
    async fn a_step_that_panics_is_an_error_and_others_follow() {
        let one = OneThread::default();
        let failed = one.run(|| panic!("it breaks")).await;
        assert!(matches!(failed, Err::<(), _>(Error::Internal(_))));
        assert_eq!(one.run(|| 5).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn it_may_be_dropped_in_a_task_while_a_step_runs() {
        let one = OneThread::default();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let (go_on, waits) = std::sync::mpsc::channel::<()>();
        let step = one.run(move || {
            begun.send(()).unwrap();
            waits.recv()
        });
        tokio::select! {
            _ = step => panic!("it ends too early"),
            begun = has_begun => begun.unwrap(),
        }
        drop(one);
        go_on.send(()).unwrap();
    }
}
