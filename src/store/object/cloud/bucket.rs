//! Buckets of S3 and of Google Cloud Storage, which speaks S3's dialect with its own
//! headers.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use object_store::ObjectStore;
use object_store::multipart::MultipartStore;
use object_store::signer::{SignedUrlOptions, Signer};

use super::failure::of_client;
use super::ordinary::{Ordinary, path};
use super::own::Own;
use super::tags::TagsAre;
use crate::store::object::objects::{
    Found, Listing, Multipart, MultipartId, Multiparts, Object, ObjectError, Objects, PartNumber,
    Parts, Payload, Properties, Result, Rules, Storage, Tag, When,
};

#[derive(Debug)]
pub(super) struct Bucket<C> {
    pub(super) ordinary: Ordinary<C>,
    pub(super) own: Own,
    pub(super) rules: Rules,
    pub(super) storage: Storage,
}

#[async_trait]
impl<C> Objects for Bucket<C>
where
    C: ObjectStore + MultipartStore + Signer,
{
    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn storage(&self) -> &Storage {
        &self.storage
    }

    async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Object> {
        self.ordinary.get(key, range).await
    }

    async fn head(&self, key: &str) -> Result<Found> {
        self.ordinary.head(key).await
    }

    async fn put(
        &self,
        key: &str,
        payload: Payload,
        when: When<'_>,
        properties: &Properties,
    ) -> Result<Tag> {
        self.ordinary.put(key, &payload, when, properties).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.ordinary.delete(key).await
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing> {
        self.own.list(prefix, after).await
    }

    async fn begin(&self, key: &str, properties: &Properties) -> Result<MultipartId> {
        self.ordinary.begin(key, properties).await
    }

    async fn put_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        payload: Payload,
    ) -> Result<Tag> {
        self.ordinary
            .put_part(key, multipart, number, &payload)
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
        if !self.rules.copies_parts {
            let error = "this object store cannot copy parts";
            return Err(ObjectError::Invalid(error.into()));
        }
        self.own
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
        let when = match self.rules.conditional_complete {
            true => when,
            false => When::Always,
        };
        let (etag, generation) = self.own.complete(key, multipart, parts, when).await?;
        self.ordinary.tags.tag(Some(etag), generation)
    }

    async fn abort(&self, key: &str, multipart: &MultipartId) -> Result<()> {
        self.ordinary.abort(key, multipart).await
    }

    async fn parts(&self, key: &str, multipart: &MultipartId, after: PartNumber) -> Result<Parts> {
        self.own.parts(key, multipart, after).await
    }

    async fn multiparts(&self, prefix: &str, after: Option<&Multipart>) -> Result<Multiparts> {
        self.own.multiparts(prefix, after).await
    }

    async fn presign(
        &self,
        key: &str,
        content: &Properties,
        valid: Duration,
    ) -> Result<Option<String>> {
        // The crate does not escape the keys of Google Cloud Storage in these URLs.
        if self.ordinary.tags == TagsAre::Generations && key.contains(['%', '?', '#']) {
            return Ok(None);
        }
        let headers = [
            ("response-cache-control", &content.cache_control),
            ("response-content-disposition", &content.content_disposition),
            ("response-content-type", &content.content_type),
        ];
        let headers = headers
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?)));
        let options = SignedUrlOptions::new().with_query(headers);
        let signer = &self.ordinary.client;
        let url = signer
            .signed_url_opts(Method::GET, &path(key)?, valid, &options)
            .await;
        Ok(Some(url.map_err(of_client)?.into()))
    }
}
