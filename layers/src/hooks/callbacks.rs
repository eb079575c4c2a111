use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::{Event, HookKind, HookKinds, Hooks, Reply, caught};
use crate::protocol::BoxError;

/// Hooks that are closures, one for each moment that has one.
///
/// A closure that takes longer than the [`timeout`](Self::timeout) is dropped at
/// the point where it waits, and has failed; so has one that panics.
///
/// See the [module docs](crate::hooks) for an example.
pub struct Callbacks {
    callbacks: BTreeMap<HookKind, Callback>,
    timeout: Duration,
}

type Callback = Box<dyn Fn(Event) -> Answer + Send + Sync>;
type Answer = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;

impl Callbacks {
    /// No closures.
    #[must_use]
    pub fn new() -> Self {
        Self {
            callbacks: BTreeMap::new(),
            timeout: Duration::from_secs(60),
        }
    }

    /// Limits the time that a closure may take: 60 seconds by default, unlimited
    /// with [`Duration::MAX`].
    ///
    /// The service has to run inside tokio's time.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Calls `callback` at `moment`, in place of what was called before.
    #[must_use]
    pub fn on<F, A>(mut self, kind: HookKind, callback: F) -> Self
    where
        F: Fn(Event) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Reply, BoxError>> + Send + 'static,
    {
        let callback: Callback = Box::new(move |event| Box::pin(callback(event)));
        self.callbacks.insert(kind, callback);
        self
    }
}

impl Default for Callbacks {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! on {
    ($($(#[$doc:meta])* $name:ident: $kind:ident,)*) => {
        impl Callbacks {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name<F, A>(self, callback: F) -> Self
                where
                    F: Fn(Event) -> A + Send + Sync + 'static,
                    A: Future<Output = Result<Reply, BoxError>> + Send + 'static,
                {
                    self.on(HookKind::$kind, callback)
                }
            )*
        }
    };
}

on! {
    /// Asks `callback` before an upload is made.
    pre_create: PreCreate,
    /// Tells `callback` that an upload was made.
    post_create: PostCreate,
    /// Tells `callback` how far an upload has come.
    post_receive: PostReceive,
    /// Asks `callback` before a client is told that its upload is complete.
    pre_finish: PreFinish,
    /// Tells `callback` that an upload was finished.
    post_finish: PostFinish,
    /// Asks `callback` before a client ends an upload.
    pre_terminate: PreTerminate,
    /// Tells `callback` that an upload was ended.
    post_terminate: PostTerminate,
}

#[async_trait]
impl Hooks for Callbacks {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        let Some(callback) = self.callbacks.get(&event.kind) else {
            return Ok(Reply::accept());
        };
        let reply = timeout(self.timeout, caught(|| callback(event.clone())));
        let late = |_| format!("no reply within {:?}", self.timeout);
        reply.await.map_err(late)?
    }

    fn kinds(&self) -> HookKinds {
        self.callbacks.keys().copied().collect()
    }

    fn hears(&self, kind: HookKind) -> bool {
        self.callbacks.contains_key(&kind)
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.callbacks.keys()).finish()
    }
}
