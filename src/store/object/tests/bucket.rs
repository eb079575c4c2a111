//! A bucket in memory whose calls fail on demand.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, watch};
use tower_tus_layers::protocol::{Error, Interrupt};

pub(super) use crate::store::object::objects::faulty::Fault;
use crate::store::object::objects::faulty::Faulty;
use crate::store::object::objects::memory::Memory;
use crate::store::object::objects::{
    Found, Listing, Multipart, MultipartId, Multiparts, Object, Objects, PartNumber, Parts,
    Payload, Properties, Result, Rules, Storage, Tag, When,
};

#[derive(Debug, Default)]
struct Told {
    written: u64,
    sent_in_parts: u64,
    interrupt: Option<Interrupt>,
    /// After how many other calls those of another client arrive that are late.
    release: Option<(usize, Faulty)>,
    has_released: bool,
}

impl Told {
    fn next_release(&mut self) -> Option<Faulty> {
        let (calls, late) = self.release.take()?;
        if calls > 0 {
            self.release = Some((calls - 1, late));
            return None;
        }
        Some(late)
    }
}

/// A client of a bucket. [`again`](Self::again) makes another one.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    memory: Memory,
    faulty: Faulty,
    /// How many parts wait, if parts have to.
    held: Arc<watch::Sender<Option<usize>>>,
    told: Arc<Mutex<Told>>,
    running: Arc<RwLock<()>>,
}

impl Bucket {
    pub(super) const RULES: Rules = Rules {
        min_part: 4 << 10,
        ..Rules::S3
    };
    /// Buckets that differ in what they make of a call that arrives twice.
    pub(super) const KINDS: [fn() -> Self; 2] = [Self::new, || {
        let memory = Memory::new(Self::RULES);
        Self::of(memory.tagging_each_write().forgetting_completed())
    }];

    pub(super) fn new() -> Self {
        Self::with(Self::RULES)
    }

    pub(super) fn with(rules: Rules) -> Self {
        Self::of(Memory::new(rules))
    }

    pub(super) fn of(memory: Memory) -> Self {
        Self {
            faulty: Faulty::new(Arc::new(memory.clone())),
            memory,
            held: Arc::default(),
            told: Arc::default(),
            running: Arc::default(),
        }
    }

    /// Gives it another name than `memory`.
    pub(super) fn named(self, name: &str) -> Self {
        Self::of(self.memory.named(name))
    }

    /// Returns another client of the same bucket, without faults.
    pub(super) fn again(&self) -> Self {
        Self::of(self.memory.clone())
    }

    /// Returns a client that gets lists in pages of so many items.
    pub(super) fn page(&self, page: usize) -> Self {
        Self::of(self.memory.clone().page(page))
    }

    /// Makes all objects a day older.
    pub(super) fn make_old(&self) {
        self.memory.age(Duration::from_secs(24 * 60 * 60));
    }

    /// Lets the call after `calls` others fail.
    pub(super) fn fail(&self, calls: usize, fault: Fault) {
        self.faulty.fail(calls, fault);
    }

    /// Lets the late calls of another client arrive before the call after `calls` others.
    pub(super) fn release_before(&self, calls: usize, late: &Self) {
        self.told().release = Some((calls, late.faulty.clone()));
    }

    /// Whether late calls have arrived.
    pub(super) fn has_released(&self) -> bool {
        self.told().has_released
    }

    /// Lets the calls arrive that are late, and returns whether there are any.
    pub(super) async fn release(&self) -> bool {
        self.faulty.release().await
    }

    /// Returns the call that has failed.
    pub(super) fn failed(&self) -> Option<String> {
        self.faulty.failed()
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
        self.faulty.failed().is_some()
    }

    /// Returns the calls since the last time.
    pub(super) fn calls(&self) -> Vec<&'static str> {
        self.faulty.calls()
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

    /// Waits until calls may be made.
    async fn pass(&self) -> RwLockReadGuard<'_, ()> {
        let running = self.running.read().await;
        tokio::task::yield_now().await;
        let late = self.told().next_release();
        if let Some(late) = late {
            let is_any = late.release().await;
            self.told().has_released = is_any;
        }
        running
    }
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
        let _running = self.pass().await;
        self.faulty.get(key, range).await
    }

    async fn head(&self, key: &str) -> Result<Found> {
        let _running = self.pass().await;
        self.faulty.head(key).await
    }

    async fn put(
        &self,
        key: &str,
        payload: Payload,
        when: When<'_>,
        properties: &Properties,
    ) -> Result<Tag> {
        self.told().written += payload.len();
        let _running = self.pass().await;
        self.faulty.put(key, payload, when, properties).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        let _running = self.pass().await;
        self.faulty.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing> {
        let _running = self.pass().await;
        self.faulty.list(prefix, after).await
    }

    async fn begin(&self, key: &str, properties: &Properties) -> Result<MultipartId> {
        let _running = self.pass().await;
        self.faulty.begin(key, properties).await
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
        self.held
            .send_modify(|held| *held = held.map(|held| held + 1));
        let mut held = self.held.subscribe();
        let _running = self.pass().await;
        drop(held.wait_for(Option::is_none).await.unwrap());
        self.faulty.put_part(key, multipart, number, payload).await
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
        let _running = self.pass().await;
        let faulty = &self.faulty;
        faulty
            .copy_part(key, multipart, number, source, range)
            .await
    }

    async fn complete(
        &self,
        key: &str,
        multipart: &MultipartId,
        parts: &[(PartNumber, Tag)],
        when: When<'_>,
    ) -> Result<Tag> {
        let _running = self.pass().await;
        self.faulty.complete(key, multipart, parts, when).await
    }

    async fn abort(&self, key: &str, multipart: &MultipartId) -> Result<()> {
        let _running = self.pass().await;
        self.faulty.abort(key, multipart).await
    }

    async fn parts(&self, key: &str, multipart: &MultipartId, after: PartNumber) -> Result<Parts> {
        let _running = self.pass().await;
        self.faulty.parts(key, multipart, after).await
    }

    /// Not counted: a page of another store may need no call.
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
