use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::{Event, HookKind, HookKinds, Hooks, Reply, caught};
use crate::protocol::BoxError;

/// Hooks made of closures, one for each kind.
///
/// | method | the closure returns |
/// |---|---|
/// | `pre_*` | a [`Reply`], which may reject |
/// | `post_*` | nothing |
/// | [`on`](Self::on), for any kind | a [`Reply`], which may stop an upload at `post-create` and `post-receive` |
///
/// Each may return a `Result` of that instead, so that `?` works with any
/// error. A closure that fails, panics or exceeds the
/// [`timeout`](Self::timeout) is logged; see [`Hooks::call`] for the
/// consequences.
///
/// ```
/// use tower_tus_layers::hooks::{Callbacks, HookKind, Reply};
///
/// let hooks = Callbacks::new()
///     .pre_create(|event| async move {
///         match event.upload.metadata.filename() {
///             Some(_) => Reply::accept(),
///             None => Reply::reject(),
///         }
///     })
///     .post_finish(|event| async move {
///         // Errors are logged.
///         let path = event.upload.path().ok_or("not a file")?;
///         std::fs::copy(path, "/srv/inbox")?;
///         Ok(())
///     })
///     .on(HookKind::PostReceive, |event| async move {
///         match event.upload.offset.get() > 1_000_000 {
///             true => Reply::stop(),
///             false => Reply::accept(),
///         }
///     });
/// ```
pub struct Callbacks {
    callbacks: BTreeMap<HookKind, Callback>,
    timeout: Duration,
}

type Callback = Box<dyn Fn(Event) -> Called + Send + Sync>;
type Called = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;

/// A return value of a closure of [`Callbacks`]: a value, or a `Result` of it.
#[diagnostic::on_unimplemented(
    message = "a callback cannot return `{Self}` here",
    label = "returns neither `{T}` nor `Result<{T}, BoxError>`",
    note = "`pre_*` and `on` return a `Reply`, `post_*` return `()`, or a `Result` of that"
)]
pub trait CallbackOutput<T>: sealed::Sealed<T> {}

impl<T> CallbackOutput<T> for T {}
impl<T> CallbackOutput<T> for Result<T, BoxError> {}

mod sealed {
    use crate::protocol::BoxError;

    pub trait Sealed<T> {
        fn into_result(self) -> Result<T, BoxError>;
    }

    impl<T> Sealed<T> for T {
        fn into_result(self) -> Result<T, BoxError> {
            Ok(self)
        }
    }

    impl<T> Sealed<T> for Result<T, BoxError> {
        fn into_result(self) -> Self {
            self
        }
    }
}

impl Callbacks {
    /// Creates hooks without closures.
    #[must_use]
    pub fn new() -> Self {
        Self {
            callbacks: BTreeMap::new(),
            timeout: Duration::from_secs(60),
        }
    }

    /// Limits the duration of a call: 60 seconds by default, unlimited with
    /// [`Duration::MAX`]. A closure that takes longer is dropped.
    ///
    /// The service needs a tokio runtime with its timer enabled.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Calls `callback` for events of `kind`, in place of an earlier closure.
    /// Its reply is applied, so this is how a closure stops an upload at
    /// `post-create` and `post-receive`.
    #[must_use]
    pub fn on<F, A>(self, kind: HookKind, callback: F) -> Self
    where
        F: Fn(Event) -> A + Send + Sync + 'static,
        A: Future<Output: CallbackOutput<Reply>> + Send + 'static,
    {
        self.add(kind, callback, |reply| reply)
    }

    fn add<F, A, T>(mut self, kind: HookKind, callback: F, reply: fn(T) -> Reply) -> Self
    where
        F: Fn(Event) -> A + Send + Sync + 'static,
        A: Future<Output: CallbackOutput<T>> + Send + 'static,
        T: 'static,
    {
        let callback: Callback = Box::new(move |event| {
            let called = callback(event);
            Box::pin(async move { sealed::Sealed::into_result(called.await).map(reply) })
        });
        self.callbacks.insert(kind, callback);
        self
    }
}

impl Default for Callbacks {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! callbacks {
    ($output:ty, $reply:expr; $($(#[$doc:meta])* $name:ident: $kind:ident,)*) => {
        impl Callbacks {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name<F, A>(self, callback: F) -> Self
                where
                    F: Fn(Event) -> A + Send + Sync + 'static,
                    A: Future<Output: CallbackOutput<$output>> + Send + 'static,
                {
                    self.add(HookKind::$kind, callback, $reply)
                }
            )*
        }
    };
}

callbacks! { Reply, |reply| reply;
    /// Calls `callback` before an upload is created. It may reject the upload,
    /// and set its id, metadata, storage path and object.
    pre_create: PreCreate,
    /// Calls `callback` after the last byte, before the client learns that the
    /// upload is complete. It may reject the upload.
    pre_finish: PreFinish,
    /// Calls `callback` before a client terminates an upload. It may reject the
    /// termination.
    pre_terminate: PreTerminate,
}

callbacks! { (), |()| Reply::accept();
    /// Calls `callback` after an upload has been created. To stop an upload
    /// there, use [`on`](Self::on).
    post_create: PostCreate,
    /// Calls `callback` regularly while an upload receives bytes. To stop an
    /// upload there, use [`on`](Self::on).
    post_receive: PostReceive,
    /// Calls `callback` after an upload has been finished.
    post_finish: PostFinish,
    /// Calls `callback` after an upload has been terminated.
    post_terminate: PostTerminate,
    /// Calls `callback` after an upload has been removed because it had expired.
    post_expire: PostExpire,
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
