use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{Error, Interrupt};

/// Announces the shutdown of a server to everything that runs.
///
/// The server keeps one, and passes it to the stack. To shut down, accept no
/// more connections, call [`begin`](Self::begin), close every connection
/// gracefully, and wait for [`drained`](Self::drained) and the connections,
/// within a time limit of your choice.
///
/// ```
/// use tower_tus_layers::protocol::Shutdown;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let shutdown = Shutdown::default();
/// let running = shutdown.interrupt();
/// shutdown.begin();
/// assert_eq!(running.fired().await.code(), "ERR_SERVER_SHUTDOWN");
/// shutdown.drained().await;
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Shutdown(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    live: Mutex<Live>,
    /// Whether the shutdown has begun; each running task holds a receiver.
    tasks: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Live {
    begun: bool,
    next: u64,
    interrupts: HashMap<u64, Interrupt>,
}

impl Shutdown {
    /// Fires all registered interrupts with [`Error::Shutdown`], and each new
    /// one as soon as it is created.
    pub fn begin(&self) {
        let interrupts = {
            let mut live = self.live();
            live.begun = true;
            std::mem::take(&mut live.interrupts)
        };
        for interrupt in interrupts.values() {
            interrupt.fire(Error::Shutdown);
        }
        self.0.tasks.send_replace(true);
    }

    /// Registers a new interrupt until it is dropped.
    #[must_use]
    pub fn interrupt(&self) -> Registered {
        let interrupt = Interrupt::default();
        let mut live = self.live();
        let key = live.next;
        live.next += 1;
        if live.begun {
            interrupt.fire(Error::Shutdown);
        } else {
            live.interrupts.insert(key, interrupt.clone());
        }
        drop(live);
        Registered {
            interrupt,
            key,
            shutdown: self.clone(),
        }
    }

    /// Returns a task, which counts as running until dropped.
    #[must_use]
    pub fn task(&self) -> Task {
        Task(self.0.tasks.subscribe())
    }

    /// Waits until no [`Task`] is running. Cancel safe.
    pub async fn drained(&self) {
        self.0.tasks.closed().await;
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        // A panic under the mutex cannot leave the state inconsistent.
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An [`Interrupt`] that fires at shutdown.
#[derive(Debug)]
pub struct Registered {
    interrupt: Interrupt,
    key: u64,
    shutdown: Shutdown,
}

impl std::ops::Deref for Registered {
    type Target = Interrupt;

    fn deref(&self) -> &Interrupt {
        &self.interrupt
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.shutdown.live().interrupts.remove(&self.key);
    }
}

/// Work that a shutdown waits for.
#[derive(Debug)]
pub struct Task(watch::Receiver<bool>);

impl Task {
    /// Waits for the shutdown to begin. Cancel safe.
    pub async fn begun(&mut self) {
        if self.0.wait_for(|begun| *begun).await.is_err() {
            // Nothing is left that could begin the shutdown.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_interrupt_made_after_the_beginning_fires_at_once() {
        let shutdown = Shutdown::default();
        shutdown.begin();
        assert!(matches!(
            shutdown.interrupt().fired().await,
            Error::Shutdown
        ));
    }

    #[tokio::test]
    async fn interrupts_are_forgotten_with_their_requests() {
        let shutdown = Shutdown::default();
        let kept = shutdown.interrupt();
        drop(shutdown.interrupt());
        assert_eq!(shutdown.live().interrupts.len(), 1);
        drop(kept);
        assert_eq!(shutdown.live().interrupts.len(), 0);
    }

    #[tokio::test]
    async fn it_is_drained_when_the_last_task_ends() {
        let shutdown = Shutdown::default();
        let mut task = shutdown.task();
        let drained = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.drained().await }
        });
        shutdown.begin();
        task.begun().await;
        assert!(!drained.is_finished());
        drop(task);
        drained.await.unwrap();
    }
}
