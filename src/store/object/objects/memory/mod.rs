//! A bucket in memory, with the rules of S3 or of other stores: for tests.

mod bucket;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use self::bucket::Bucket;
use super::{
    Found, Listing, Multipart, MultipartId, Multiparts, Object, Objects, PartNumber, Parts,
    Payload, Properties, Result, Rules, Storage, Tag, When,
};

/// A bucket in memory. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    /// The rules that it says it has.
    rules: Rules,
    /// The rules that it has.
    real: Rules,
    checks_puts: bool,
    storage: Storage,
    page: usize,
    bucket: Arc<Mutex<Bucket>>,
}

impl Memory {
    /// Creates an empty bucket.
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            real: rules.clone(),
            rules,
            checks_puts: true,
            storage: Storage::s3("memory"),
            page: 1_000,
            bucket: Arc::default(),
        }
    }

    /// Sets how many items a page of a list has.
    pub(crate) fn page(self, page: usize) -> Self {
        Self { page, ..self }
    }

    /// Gives it another name than `memory`.
    pub(crate) fn named(self, name: &str) -> Self {
        let storage = Storage::s3(name);
        Self { storage, ..self }
    }

    /// Behaves otherwise than it says.
    pub(crate) fn claiming(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    /// Ignores the conditions of writes.
    pub(crate) fn without_checks(self) -> Self {
        Self {
            checks_puts: false,
            ..self
        }
    }

    /// Gives the same bytes another tag with each write, as S3 does where a KMS encrypts
    /// them.
    pub(crate) fn tagging_each_write(self) -> Self {
        self.bucket().tags_each_write = true;
        self
    }

    /// Does not find a multipart upload that is completed a second time, like some
    /// servers.
    pub(crate) fn forgetting_completed(self) -> Self {
        self.bucket().forgets_completed = true;
        self
    }

    /// Returns the keys of all objects.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.bucket().objects.keys().cloned().collect()
    }

    /// Returns the bytes of an object.
    pub(crate) fn bytes(&self, key: &str) -> Option<Bytes> {
        let bucket = self.bucket();
        bucket.objects.get(key).map(|stored| stored.bytes.clone())
    }

    /// Returns the properties of an object.
    pub(crate) fn properties(&self, key: &str) -> Option<Properties> {
        let bucket = self.bucket();
        let stored = bucket.objects.get(key);
        stored.map(|stored| stored.properties.clone())
    }

    /// Returns the keys of the objects that are being made of parts.
    pub(crate) fn begun(&self) -> Vec<String> {
        let bucket = self.bucket();
        bucket
            .begun
            .values()
            .map(|begun| begun.key.clone())
            .collect()
    }

    /// Makes all objects older.
    pub(crate) fn age(&self, by: Duration) {
        for stored in self.bucket().objects.values_mut() {
            stored.modified -= by;
        }
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        // No step panics half-way.
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Objects for Memory {
    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn storage(&self) -> &Storage {
        &self.storage
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Object> {
        self.bucket().get(key, range)
    }

    async fn head(&self, key: &str) -> Result<Found> {
        Ok(self.bucket().get(key, None)?.found)
    }

    async fn put(
        &self,
        key: &str,
        payload: Payload,
        when: When<'_>,
        properties: &Properties,
    ) -> Result<Tag> {
        let mut bucket = self.bucket();
        if self.checks_puts {
            bucket.check(key, when)?;
        }
        Ok(bucket.insert(key, payload.to_bytes(), None, properties.clone()))
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.bucket().objects.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing> {
        Ok(self.bucket().list(prefix, after, self.page))
    }

    async fn begin(&self, key: &str, properties: &Properties) -> Result<MultipartId> {
        self.bucket().begin(key, properties)
    }

    async fn put_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        payload: Payload,
    ) -> Result<Tag> {
        let bytes = payload.to_bytes();
        self.bucket()
            .put_part(&self.real, key, multipart, number, bytes)
    }

    async fn copy_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        source: &str,
        range: Range<u64>,
    ) -> Result<Tag> {
        let mut bucket = self.bucket();
        let bytes = bucket.copied(&self.real, source, range)?;
        bucket.put_part(&self.real, key, multipart, number, bytes)
    }

    async fn complete(
        &self,
        key: &str,
        multipart: &MultipartId,
        parts: &[(PartNumber, Tag)],
        when: When<'_>,
    ) -> Result<Tag> {
        self.bucket()
            .complete(&self.real, key, multipart, parts, when)
    }

    async fn abort(&self, key: &str, multipart: &MultipartId) -> Result<()> {
        let mut bucket = self.bucket();
        if bucket.multipart(key, multipart).is_ok() {
            bucket.begun.remove(&multipart.0);
        }
        Ok(())
    }

    async fn parts(&self, key: &str, multipart: &MultipartId, after: PartNumber) -> Result<Parts> {
        self.bucket().parts(key, multipart, after, self.page)
    }

    async fn multiparts(&self, prefix: &str, after: Option<&Multipart>) -> Result<Multiparts> {
        Ok(self.bucket().multiparts(prefix, after, self.page))
    }

    async fn presign(
        &self,
        key: &str,
        _content: &Properties,
        _valid: Duration,
    ) -> Result<Option<String>> {
        Ok(Some(format!("https://memory.example/{key}")))
    }
}
