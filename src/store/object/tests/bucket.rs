//! A bucket in memory whose calls fail on demand.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tower_tus_layers::protocol::{Error, Interrupt};

use crate::store::object::objects::memory::Memory;
use crate::store::object::objects::{
    Found, Listing, Multipart, MultipartId, Multiparts, Object, ObjectError, Objects, PartNumber,
    Parts, Payload, Properties, Result, Rules, Storage, Tag, When,
};

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not done, and nobody tells.
    Lost,
    /// It is done, and nobody tells.
    Unanswered,
    /// The server ends before it.
    CrashBefore,
    /// The server ends before the answer.
    CrashAfter,
    /// It is done after the next call on the state, and nobody tells.
    Late,
    /// It is refused because there is too much to do.
    Busy,
    /// It is not done, nobody tells, and all later ones are [busy](Self::Busy).
    LostThenBusy,
}

#[derive(Debug, Default)]
struct Told {
    calls: Vec<&'static str>,
    written: u64,
    sent_in_parts: u64,
    interrupt: Option<Interrupt>,
    fault: Option<(usize, Fault)>,
    /// What happens to all calls from now on.
    from_now_on: Option<Fault>,
}

/// A client of a bucket. [`again`](Self::again) makes another one.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    memory: Memory,
    /// How many parts wait, if parts have to.
    held: Arc<watch::Sender<Option<usize>>>,
    told: Arc<Mutex<Told>>,
    running: Arc<RwLock<()>>,
}

impl Bucket {
    pub(super) fn new() -> Self {
        let rules = Rules {
            min_part: 4 << 10,
            ..Rules::S3
        };
        Self::with(rules)
    }

    pub(super) fn with(rules: Rules) -> Self {
        Self::of(Memory::new(rules))
    }

    pub(super) fn of(memory: Memory) -> Self {
        Self {
            memory,
            held: Arc::default(),
            told: Arc::default(),
            running: Arc::default(),
        }
    }

    /// Gives it another name than `memory`.
    pub(super) fn named(self, name: &str) -> Self {
        Self {
            memory: self.memory.named(name),
            ..self
        }
    }

    /// Returns another client of the same bucket, without faults.
    pub(super) fn again(&self) -> Self {
        Self {
            told: Arc::default(),
            held: Arc::default(),
            running: Arc::default(),
            ..self.clone()
        }
    }

    /// Returns a client that gets lists in pages of so many items.
    pub(super) fn page(&self, page: usize) -> Self {
        Self {
            memory: self.memory.clone().page(page),
            ..self.again()
        }
    }

    /// Makes all objects a day older.
    pub(super) fn make_old(&self) {
        self.memory.age(Duration::from_secs(24 * 60 * 60));
    }

    /// Lets the call after `calls` others fail.
    pub(super) fn fail(&self, calls: usize, fault: Fault) {
        let mut told = self.told();
        told.fault = Some((told.calls.len() + calls, fault));
    }

    /// Holds all parts back from now on.
    pub(super) fn hold_parts(&self) {
        self.held.send_replace(Some(0));
    }

    pub(super) async fn wait_for_held_parts(&self, parts: usize) {
        let mut held = self.held.subscribe();
        let enough = |held: &Option<usize>| held.is_some_and(|held| held >= parts);
        held.wait_for(enough).await.unwrap();
    }

    pub(super) fn let_parts_go(&self) {
        self.held.send_replace(None);
    }

    /// Holds all calls back until the guard is dropped.
    pub(super) async fn stop(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.running).write_owned().await
    }

    pub(super) fn has_failed(&self) -> bool {
        let told = self.told();
        told.fault.is_some_and(|(call, _)| told.calls.len() > call)
    }

    /// Returns the calls since the last time.
    pub(super) fn calls(&self) -> Vec<&'static str> {
        let mut told = self.told();
        std::mem::take(&mut told.calls)
    }

    pub(super) fn written(&self) -> u64 {
        self.told().written
    }

    /// Returns how many bytes of parts went through memory.
    pub(super) fn sent_in_parts(&self) -> u64 {
        self.told().sent_in_parts
    }

    /// Fires the interrupt at the next copy.
    pub(super) fn fire_at_copy(&self, interrupt: &Interrupt) {
        self.told().interrupt = Some(interrupt.clone());
    }

    pub(super) fn bytes(&self, key: &str) -> Option<Bytes> {
        self.memory.bytes(key)
    }

    pub(super) fn properties(&self, key: &str) -> Option<Properties> {
        self.memory.properties(key)
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.memory.keys()
    }

    pub(super) fn multiparts_left(&self) -> usize {
        self.memory.begun().len()
    }

    pub(super) async fn put_foreign(&self, key: &str, bytes: &'static [u8]) {
        let (payload, none) = (Payload::from(bytes), Properties::default());
        let put = self.memory.put(key, payload, When::Always, &none).await;
        put.unwrap();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap()
    }

    async fn call<T, F>(
        &self,
        name: &'static str,
        done: impl FnOnce(Memory) -> F + Send,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let _running = self.running.read().await;
        tokio::task::yield_now().await;
        let done = done(self.memory.clone());
        match self.fault_of(name) {
            None => done.await,
            Some(Fault::Lost | Fault::CrashBefore | Fault::LostThenBusy) => unknown(),
            Some(Fault::Unanswered | Fault::CrashAfter) => {
                drop(done.await);
                unknown()
            }
            Some(Fault::Busy) => Err(ObjectError::Busy("slow down".into())),
            Some(Fault::Late) => {
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(75)).await;
                    drop(done.await);
                });
                unknown()
            }
        }
    }

    fn fault_of(&self, name: &'static str) -> Option<Fault> {
        let mut told = self.told();
        let call = told.calls.len();
        told.calls.push(name);
        if told.from_now_on.is_some() {
            return told.from_now_on;
        }
        let fault = told.fault.filter(|(at, _)| *at == call);
        let fault = fault.map(|(_, fault)| fault);
        told.from_now_on = match fault {
            Some(Fault::CrashBefore | Fault::CrashAfter) => Some(Fault::Lost),
            Some(Fault::LostThenBusy) => Some(Fault::Busy),
            _ => None,
        };
        fault
    }
}

fn unknown<T>() -> Result<T> {
    Err(ObjectError::Unknown("the answer was lost".into()))
}

#[async_trait]
impl Objects for Bucket {
    fn rules(&self) -> &Rules {
        self.memory.rules()
    }

    fn storage(&self) -> &Storage {
        self.memory.storage()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Object> {
        let key = key.to_owned();
        self.call("get", |memory| async move { memory.get(&key, range).await })
            .await
    }

    async fn head(&self, key: &str) -> Result<Found> {
        let key = key.to_owned();
        self.call("head", |memory| async move { memory.head(&key).await })
            .await
    }

    async fn put(
        &self,
        key: &str,
        payload: Payload,
        when: When<'_>,
        properties: &Properties,
    ) -> Result<Tag> {
        self.told().written += payload.len();
        let (key, when, properties) = (key.to_owned(), Owned::from(when), properties.clone());
        self.call("put", |memory| async move {
            memory.put(&key, payload, when.borrow(), &properties).await
        })
        .await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let key = key.to_owned();
        self.call("delete", |memory| async move { memory.delete(&key).await })
            .await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing> {
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        self.call("list", |memory| async move {
            memory.list(&prefix, after.as_deref()).await
        })
        .await
    }

    async fn begin(&self, key: &str, properties: &Properties) -> Result<MultipartId> {
        let (key, properties) = (key.to_owned(), properties.clone());
        self.call("begin", |memory| async move {
            memory.begin(&key, &properties).await
        })
        .await
    }

    async fn put_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        payload: Payload,
    ) -> Result<Tag> {
        self.told().sent_in_parts += payload.len();
        self.told().written += payload.len();
        let (key, multipart) = (key.to_owned(), multipart.clone());
        self.held
            .send_modify(|held| *held = held.map(|held| held + 1));
        let mut held = self.held.subscribe();
        self.call("put_part", |memory| async move {
            let let_go = held.wait_for(|held| held.is_none()).await;
            drop(let_go.unwrap());
            memory.put_part(&key, &multipart, number, payload).await
        })
        .await
    }

    async fn copy_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        source: &str,
        range: Range<u64>,
    ) -> Result<Tag> {
        if let Some(interrupt) = self.told().interrupt.take() {
            interrupt.fire(Error::Interrupted);
        }
        let (key, multipart, source) = (key.to_owned(), multipart.clone(), source.to_owned());
        self.call("copy_part", |memory| async move {
            memory
                .copy_part(&key, &multipart, number, &source, range)
                .await
        })
        .await
    }

    async fn complete(
        &self,
        key: &str,
        multipart: &MultipartId,
        parts: &[(PartNumber, Tag)],
        when: When<'_>,
    ) -> Result<Tag> {
        let (key, multipart) = (key.to_owned(), multipart.clone());
        let (parts, when) = (parts.to_vec(), Owned::from(when));
        self.call("complete", |memory| async move {
            memory
                .complete(&key, &multipart, &parts, when.borrow())
                .await
        })
        .await
    }

    async fn abort(&self, key: &str, multipart: &MultipartId) -> Result<()> {
        let (key, multipart) = (key.to_owned(), multipart.clone());
        self.call("abort", |memory| async move {
            memory.abort(&key, &multipart).await
        })
        .await
    }

    async fn parts(&self, key: &str, multipart: &MultipartId, after: PartNumber) -> Result<Parts> {
        let (key, multipart) = (key.to_owned(), multipart.clone());
        self.call("parts", |memory| async move {
            memory.parts(&key, &multipart, after).await
        })
        .await
    }

    async fn multiparts(&self, prefix: &str, after: Option<&Multipart>) -> Result<Multiparts> {
        self.memory.multiparts(prefix, after).await
    }

    async fn presign(
        &self,
        key: &str,
        content: &Properties,
        valid: Duration,
    ) -> Result<Option<String>> {
        self.memory.presign(key, content, valid).await
    }
}

/// A condition that outlives the call.
enum Owned {
    Always,
    Absent,
    Match(Tag),
}

impl From<When<'_>> for Owned {
    fn from(when: When<'_>) -> Self {
        match when {
            When::Always => Self::Always,
            When::Absent => Self::Absent,
            When::Match(tag) => Self::Match(tag.clone()),
        }
    }
}

impl Owned {
    fn borrow(&self) -> When<'_> {
        match self {
            Self::Always => When::Always,
            Self::Absent => When::Absent,
            Self::Match(tag) => When::Match(tag),
        }
    }
}
