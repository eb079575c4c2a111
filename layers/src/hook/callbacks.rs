use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;

use super::{Event, Hooks, Moment, Moments, Reply};
use crate::protocol::BoxError;

/// Hooks that are closures, one for each moment that has one.
///
/// See the [module docs](crate::hook) for an example.
#[derive(Default)]
pub struct Callbacks(BTreeMap<Moment, Callback>);

type Callback = Box<dyn Fn(Event) -> Answer + Send + Sync>;
type Answer = Pin<Box<dyn Future<Output = Result<Reply, BoxError>> + Send>>;

impl Callbacks {
    /// No closures.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `callback` at `moment`, in place of what was called before.
    #[must_use]
    pub fn on<F, A>(mut self, moment: Moment, callback: F) -> Self
    where
        F: Fn(Event) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Reply, BoxError>> + Send + 'static,
    {
        let callback: Callback = Box::new(move |event| Box::pin(callback(event)));
        self.0.insert(moment, callback);
        self
    }
}

macro_rules! on {
    ($($(#[$doc:meta])* $name:ident: $moment:ident,)*) => {
        impl Callbacks {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name<F, A>(self, callback: F) -> Self
                where
                    F: Fn(Event) -> A + Send + Sync + 'static,
                    A: Future<Output = Result<Reply, BoxError>> + Send + 'static,
                {
                    self.on(Moment::$moment, callback)
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
        match self.0.get(&event.moment) {
            Some(callback) => callback(event.clone()).await,
            None => Ok(Reply::accept()),
        }
    }

    fn moments(&self) -> Moments {
        self.0.keys().copied().collect()
    }

    fn hears(&self, moment: Moment) -> bool {
        self.0.contains_key(&moment)
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
