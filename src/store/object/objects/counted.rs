//! Counts the calls to an object store.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::kind::Kind;
use super::{
    Found, Listing, Multipart, MultipartId, Multiparts, Object, Objects, PartNumber, Parts,
    Payload, Properties, Result, Rules, Storage, Tag, When,
};

/// Counts the calls that go through it, and their bytes. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    objects: Arc<dyn Objects>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    calls: [AtomicU64; Kind::ALL.len()],
    sent: AtomicU64,
    received: AtomicU64,
}

impl Counted {
    pub(crate) fn new(objects: Arc<dyn Objects>) -> Self {
        Self {
            objects,
            counts: Arc::default(),
        }
    }

    /// Returns the number of calls of each kind that was called.
    pub(crate) fn calls(&self) -> BTreeMap<Kind, u64> {
        let counts = Kind::ALL.iter().zip(&self.counts.calls);
        let counts = counts.map(|(kind, count)| (*kind, count.load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// Returns the number of bytes that were sent, without heads.
    pub(crate) fn sent(&self) -> u64 {
        self.counts.sent.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes that were received, without heads.
    pub(crate) fn received(&self) -> u64 {
        self.counts.received.load(Ordering::Relaxed)
    }

    fn count(&self, kind: Kind) -> &dyn Objects {
        self.counts.calls[kind as usize].fetch_add(1, Ordering::Relaxed);
        &*self.objects
    }

    fn count_sending(&self, kind: Kind, payload: &Payload) -> &dyn Objects {
        self.counts.sent.fetch_add(payload.len(), Ordering::Relaxed);
        self.count(kind)
    }
}

#[async_trait]
impl Objects for Counted {
    fn rules(&self) -> &Rules {
        self.objects.rules()
    }

    fn storage(&self) -> &Storage {
        self.objects.storage()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Object> {
        let object = self.count(Kind::Get).get(key, range).await?;
        let bytes = object.bytes.len() as u64;
        self.counts.received.fetch_add(bytes, Ordering::Relaxed);
        Ok(object)
    }

    async fn head(&self, key: &str) -> Result<Found> {
        self.count(Kind::Head).head(key).await
    }

    async fn put(
        &self,
        key: &str,
        payload: Payload,
        when: When<'_>,
        properties: &Properties,
    ) -> Result<Tag> {
        let objects = self.count_sending(Kind::Put, &payload);
        objects.put(key, payload, when, properties).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.count(Kind::Delete).delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing> {
        self.count(Kind::List).list(prefix, after).await
    }

    async fn begin(&self, key: &str, properties: &Properties) -> Result<MultipartId> {
        self.count(Kind::Begin).begin(key, properties).await
    }

    async fn put_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        payload: Payload,
    ) -> Result<Tag> {
        let objects = self.count_sending(Kind::PutPart, &payload);
        objects.put_part(key, multipart, number, payload).await
    }

    async fn copy_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        source: &str,
        range: Range<u64>,
    ) -> Result<Tag> {
        let objects = self.count(Kind::CopyPart);
        objects
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
        let objects = self.count(Kind::Complete);
        objects.complete(key, multipart, parts, when).await
    }

    async fn abort(&self, key: &str, multipart: &MultipartId) -> Result<()> {
        self.count(Kind::Abort).abort(key, multipart).await
    }

    async fn parts(&self, key: &str, multipart: &MultipartId, after: PartNumber) -> Result<Parts> {
        self.count(Kind::ListParts)
            .parts(key, multipart, after)
            .await
    }

    async fn multiparts(&self, prefix: &str, after: Option<&Multipart>) -> Result<Multiparts> {
        self.count(Kind::ListMultiparts)
            .multiparts(prefix, after)
            .await
    }

    /// This is no call.
    async fn presign(
        &self,
        key: &str,
        content: &Properties,
        valid: Duration,
    ) -> Result<Option<String>> {
        self.objects.presign(key, content, valid).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::object::objects::memory::Memory;

    #[tokio::test]
    async fn calls_and_bytes_are_counted() {
        let counted = Counted::new(Arc::new(Memory::new(Rules::S3)));
        let none = Properties::default();
        counted
            .put("a", "hello".into(), When::Always, &none)
            .await
            .unwrap();
        counted.get("a", Some(1..3)).await.unwrap();
        counted.get("b", None).await.unwrap_err();
        assert_eq!(counted.calls(), [(Kind::Put, 1), (Kind::Get, 2)].into());
        assert_eq!((counted.sent(), counted.received()), (5, 2));
    }
}
