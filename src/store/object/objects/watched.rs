//! Watches the calls to an object store.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use super::kind::Kind;
use super::retries::counted;
use super::{
    Found, Listing, Multipart, MultipartId, Multiparts, Object, ObjectError, Objects, PartNumber,
    Parts, Payload, Properties, Result, Rules, Storage, Tag, When,
};

/// Is told of each call that has ended.
pub(crate) trait Watch: fmt::Debug + Send + Sync + 'static {
    fn ended(&self, call: &Call<'_>);
}

/// A call that has ended.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) kind: Kind,
    /// The key, or the prefix of a list.
    pub(crate) key: &'a str,
    /// The bytes that were sent and received, without heads.
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// The requests that were sent again.
    pub(crate) retries: u32,
    pub(crate) took: Duration,
    pub(crate) error: Option<&'a ObjectError>,
}

/// A bucket whose calls are watched.
#[derive(Debug)]
pub(crate) struct Watched {
    objects: Arc<dyn Objects>,
    watch: Arc<dyn Watch>,
}

impl Watched {
    pub(crate) fn new(objects: Arc<dyn Objects>, watch: Arc<dyn Watch>) -> Self {
        Self { objects, watch }
    }

    async fn call<T>(
        &self,
        kind: Kind,
        key: &str,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.moving(kind, key, 0, call, |_| 0).await
    }

    /// Watches a call that sends or receives bytes.
    async fn moving<T>(
        &self,
        kind: Kind,
        key: &str,
        sent: u64,
        call: impl Future<Output = Result<T>>,
        received: impl FnOnce(&T) -> u64,
    ) -> Result<T> {
        let begun = Instant::now();
        let (result, retries) = counted(call).await;
        self.watch.ended(&Call {
            kind,
            key,
            sent,
            received: result.as_ref().map_or(0, received),
            retries,
            took: begun.elapsed(),
            error: result.as_ref().err(),
        });
        result
    }
}

#[async_trait]
impl Objects for Watched {
    fn rules(&self) -> &Rules {
        self.objects.rules()
    }

    fn storage(&self) -> &Storage {
        self.objects.storage()
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Object> {
        let call = self.objects.get(key, range);
        let received = |object: &Object| object.bytes.len() as u64;
        self.moving(Kind::Get, key, 0, call, received).await
    }

    async fn head(&self, key: &str) -> Result<Found> {
        self.call(Kind::Head, key, self.objects.head(key)).await
    }

    async fn put(
        &self,
        key: &str,
        payload: Payload,
        when: When<'_>,
        properties: &Properties,
    ) -> Result<Tag> {
        let sent = payload.len();
        let call = self.objects.put(key, payload, when, properties);
        self.moving(Kind::Put, key, sent, call, |_| 0).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.call(Kind::Delete, key, self.objects.delete(key)).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing> {
        let call = self.objects.list(prefix, after);
        self.call(Kind::List, prefix, call).await
    }

    async fn begin(&self, key: &str, properties: &Properties) -> Result<MultipartId> {
        let call = self.objects.begin(key, properties);
        self.call(Kind::Begin, key, call).await
    }

    async fn put_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        payload: Payload,
    ) -> Result<Tag> {
        let sent = payload.len();
        let call = self.objects.put_part(key, multipart, number, payload);
        self.moving(Kind::PutPart, key, sent, call, |_| 0).await
    }

    async fn copy_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        source: &str,
        range: Range<u64>,
    ) -> Result<Tag> {
        let call = self
            .objects
            .copy_part(key, multipart, number, source, range);
        self.call(Kind::CopyPart, key, call).await
    }

    async fn complete(
        &self,
        key: &str,
        multipart: &MultipartId,
        parts: &[(PartNumber, Tag)],
        when: When<'_>,
    ) -> Result<Tag> {
        let call = self.objects.complete(key, multipart, parts, when);
        self.call(Kind::Complete, key, call).await
    }

    async fn abort(&self, key: &str, multipart: &MultipartId) -> Result<()> {
        let call = self.objects.abort(key, multipart);
        self.call(Kind::Abort, key, call).await
    }

    async fn parts(&self, key: &str, multipart: &MultipartId, after: PartNumber) -> Result<Parts> {
        let call = self.objects.parts(key, multipart, after);
        self.call(Kind::ListParts, key, call).await
    }

    async fn multiparts(&self, prefix: &str, after: Option<&Multipart>) -> Result<Multiparts> {
        let call = self.objects.multiparts(prefix, after);
        self.call(Kind::ListMultiparts, prefix, call).await
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
    use std::sync::Mutex;

    use super::*;
    use crate::store::object::objects::memory::Memory;

    #[derive(Debug, Default)]
    struct Noted(Mutex<Vec<String>>);

    impl Watch for Noted {
        fn ended(&self, call: &Call<'_>) {
            let Call {
                kind,
                key,
                sent,
                received,
                error,
                ..
            } = call;
            let failed = error.is_some();
            let line = format!("{kind:?} {key} {sent} {received} {failed}");
            self.0.lock().unwrap().push(line);
        }
    }

    #[tokio::test]
    async fn each_call_is_told_with_its_bytes() {
        let noted = Arc::new(Noted::default());
        let memory = Arc::new(Memory::new(Rules::S3));
        let watched = Watched::new(memory, noted.clone());
        let none = Properties::default();
        let put = watched.put("a", "hello".into(), When::Always, &none);
        put.await.unwrap();
        watched.get("a", Some(1..3)).await.unwrap();
        watched.get("b", None).await.unwrap_err();
        watched.list("pre", None).await.unwrap();
        let told = noted.0.lock().unwrap();
        assert_eq!(
            *told,
            [
                "Put a 5 0 false",
                "Get a 0 2 false",
                "Get b 0 0 true",
                "List pre 0 0 false"
            ]
        );
    }
}
