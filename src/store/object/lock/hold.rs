//! A lock that is held, and the state of its upload.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tower_tus_layers::protocol::{Error, Interrupt};

use super::INTERVAL;
use crate::store::document::Document;
use crate::store::object::info::Info;
use crate::store::object::keys::Keys;
use crate::store::object::objects::{ObjectError, Objects, Result};
use crate::store::object::state::{State, random};
use crate::store::object::swap::{Swapped, swap};

/// How often an announced writer that has nothing to write shows that it is alive.
const RENEWAL: Duration = Duration::from_secs(10);

/// What a request does after it has replaced the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Then {
    /// It goes on writing.
    Continue,
    /// It ends, as far as it knows.
    End,
}

/// What a look at the state has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Held,
    /// Another server has taken over, or the upload is gone.
    Lost,
}

/// A lock that a request of this process holds.
#[derive(Debug)]
pub(super) struct Hold {
    keys: Keys,
    /// The name under which it announces itself.
    name: String,
    interrupt: Interrupt,
    /// Locked while the state is replaced.
    latest: Mutex<Latest>,
}

/// The state, as far as this process knows.
#[derive(Debug)]
struct Latest {
    info: Info,
    /// The tokens of this state, and of those before it that differ only in the writer.
    tokens: Vec<String>,
    /// Whether the next handle gets the state from here.
    is_left: bool,
    seen: Instant,
    written: Instant,
}

impl Hold {
    pub(super) fn new(keys: Keys, info: Info, interrupt: Interrupt) -> Self {
        let latest = Latest {
            tokens: vec![info.state.token.clone()],
            info,
            is_left: true,
            seen: Instant::now(),
            written: Instant::now(),
        };
        Self {
            keys,
            name: random(),
            interrupt,
            latest: Mutex::new(latest),
        }
    }

    pub(super) const fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) async fn take(&self) -> Option<Info> {
        let mut latest = self.latest.lock().await;
        mem::take(&mut latest.is_left).then(|| latest.info.clone())
    }

    /// Replaces the state `old` of a handle, which the announcement may have replaced
    /// already.
    pub(super) async fn swap(
        &self,
        objects: &dyn Objects,
        old: &Info,
        (document, mut state): (Document, State),
        then: Then,
    ) -> Result<Swapped> {
        let mut latest = self.latest.lock().await;
        let old = match latest.tokens.contains(&old.state.token) {
            true => latest.info.clone(),
            false => old.clone(),
        };
        let stays = then == Then::Continue && self.is_announced(&old.state);
        state.writer = stays.then(|| self.name.clone());
        state.wanted = stays && old.state.wanted;
        let swapped = swap(objects, &self.keys, &old, document, state).await?;
        if let Swapped::Done(info) = &swapped {
            latest.tokens.clear();
            self.became(&mut latest, info.clone());
        }
        Ok(swapped)
    }

    /// Announces the request if it takes long, and interrupts it if another server
    /// waits for it, or has taken over.
    pub(super) async fn watch(self: Arc<Self>, objects: Arc<dyn Objects>) {
        loop {
            let mut latest = self.latest.lock().await;
            let due = latest.seen + INTERVAL;
            if Instant::now() < due {
                drop(latest);
                sleep_until(due).await;
                continue;
            }
            if latest.info.state.gone {
                return;
            }
            if self.look(&*objects, &mut latest).await == Look::Lost {
                // Nobody may go on from this state.
                latest.is_left = false;
                return self.interrupt.fire(Error::Interrupted);
            }
            latest.seen = Instant::now();
        }
    }

    /// Ends the watch. Returns whether nothing is announced, so that this was all.
    pub(super) fn try_end(&self, watch: Option<&JoinHandle<()>>) -> bool {
        let Ok(latest) = self.latest.try_lock() else {
            return false;
        };
        // It announces nothing now, since that would keep the state.
        watch.inspect(|watch| watch.abort());
        !self.is_announced(&latest.info.state)
    }

    /// Ends the watch, and takes the announcement back.
    pub(super) async fn end(&self, objects: &dyn Objects, watch: Option<&JoinHandle<()>>) {
        let mut latest = self.latest.lock().await;
        watch.inspect(|watch| watch.abort());
        while self.is_announced(&latest.info.state) {
            match self.announce(objects, &mut latest, None).await {
                Ok(Swapped::Done(_)) => {}
                // A call of a handle that did not wait for it was done.
                Ok(Swapped::Newer(newer)) => latest.info = newer,
                Err(error) => {
                    tracing::debug!(%error, "the announcement of a writer was left behind");
                    return;
                }
            }
        }
    }

    /// Looks whether the request has to end. Shows that it is alive: seldom, or at each
    /// look while somebody waits for it to end.
    async fn look(&self, objects: &dyn Objects, latest: &mut Latest) -> Look {
        let state = &latest.info.state;
        let is_due = latest.written.elapsed() >= RENEWAL;
        if !self.is_announced(state) || state.wanted || is_due {
            return self.show(objects, latest).await;
        }
        match Info::read(objects, &self.keys).await {
            Ok(found) if latest.info.state.is_same(&found.state) => {
                latest.info = found;
                if !latest.info.state.wanted {
                    return Look::Held;
                }
                self.interrupt.fire(Error::Interrupted);
                self.show(objects, latest).await
            }
            Ok(_) | Err(ObjectError::NotFound) => Look::Lost,
            // The next look may succeed.
            Err(_) => Look::Held,
        }
    }

    /// Shows that the request is alive.
    async fn show(&self, objects: &dyn Objects, latest: &mut Latest) -> Look {
        let name = Some(self.name.clone());
        match self.announce(objects, latest, name).await {
            Ok(Swapped::Newer(_)) | Err(ObjectError::NotFound) => Look::Lost,
            Ok(Swapped::Done(_)) | Err(_) => Look::Held,
        }
    }

    /// Replaces the state by one that differs in the writer.
    async fn announce(
        &self,
        objects: &dyn Objects,
        latest: &mut Latest,
        writer: Option<String>,
    ) -> Result<Swapped> {
        let (document, mut state) = (latest.info.document.clone(), latest.info.state.clone());
        state.wanted &= writer.is_some();
        state.writer = writer;
        let swapped = swap(objects, &self.keys, &latest.info, document, state).await?;
        if let Swapped::Done(info) = &swapped {
            self.became(latest, info.clone());
        }
        Ok(swapped)
    }

    fn became(&self, latest: &mut Latest, info: Info) {
        if info.state.wanted {
            self.interrupt.fire(Error::Interrupted);
        }
        latest.tokens.push(info.state.token.clone());
        latest.info = info;
        latest.seen = Instant::now();
        latest.written = latest.seen;
    }

    fn is_announced(&self, state: &State) -> bool {
        state.writer.as_ref() == Some(&self.name)
    }
}
