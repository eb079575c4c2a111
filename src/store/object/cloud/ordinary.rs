//! The calls that the crate `object_store` has.

use std::fmt;
use std::ops::Range;
use std::time::SystemTime;

use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    GetOptions, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions,
    PutOptions, PutPayload,
};

use super::failure::of_client;
use super::properties::{attributes, metadata, tags, unfit};
use super::tags::TagsAre;
use crate::store::object::objects::{
    Found, MultipartId, Object, ObjectError, PartNumber, Payload, Properties, Result, Tag, When,
};

/// A client of the crate.
pub(super) struct Ordinary<C> {
    pub(super) client: C,
    pub(super) tags: TagsAre,
}

impl<C: ObjectStore + MultipartStore> Ordinary<C> {
    pub(super) const fn new(client: C, tags: TagsAre) -> Self {
        Self { client, tags }
    }

    pub(super) async fn get(&self, key: &str, range: Option<Range<u64>>) -> Result<Object> {
        let options = GetOptions {
            range: range.map(Into::into),
            ..GetOptions::default()
        };
        let result = self.look(key, options).await?;
        let found = self.found(&result)?;
        let bytes = result.bytes().await.map_err(of_client)?;
        Ok(Object { found, bytes })
    }

    pub(super) async fn head(&self, key: &str) -> Result<Found> {
        let options = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        self.found(&self.look(key, options).await?)
    }

    async fn look(&self, key: &str, options: GetOptions) -> Result<GetResult> {
        let result = self.client.get_opts(&path(key)?, options).await;
        result.map_err(of_client)
    }

    fn found(&self, result: &GetResult) -> Result<Found> {
        let meta = &result.meta;
        Ok(Found {
            tag: self.tags.tag(meta.e_tag.clone(), meta.version.clone())?,
            size: meta.size,
            modified: modified(meta),
            metadata: metadata(&result.attributes),
        })
    }

    pub(super) async fn put(
        &self,
        key: &str,
        payload: &Payload,
        when: When<'_>,
        properties: &Properties,
    ) -> Result<Tag> {
        self.check(properties)?;
        let options = PutOptions {
            mode: self.tags.mode(when),
            tags: tags(properties),
            attributes: attributes(properties),
            ..PutOptions::default()
        };
        let result = self
            .client
            .put_opts(&path(key)?, pieces(payload), options)
            .await;
        let put = result.map_err(of_client)?;
        self.tags.tag(put.e_tag, put.version)
    }

    pub(super) async fn delete(&self, key: &str) -> Result<()> {
        let result = self.client.delete(&path(key)?).await;
        existing_or_not(result)
    }

    pub(super) async fn begin(&self, key: &str, properties: &Properties) -> Result<MultipartId> {
        self.check(properties)?;
        let options = PutMultipartOptions {
            tags: tags(properties),
            attributes: attributes(properties),
            ..PutMultipartOptions::default()
        };
        let path = path(key)?;
        let result = self.client.create_multipart_opts(&path, options).await;
        result.map(MultipartId).map_err(of_client)
    }

    pub(super) async fn put_part(
        &self,
        key: &str,
        multipart: &MultipartId,
        number: PartNumber,
        payload: &Payload,
    ) -> Result<Tag> {
        // The crate counts from 0.
        let Some(index) = number.checked_sub(1) else {
            return Err(ObjectError::Invalid("a part has the number 0".into()));
        };
        let path = path(key)?;
        let payload = pieces(payload);
        let result = self
            .client
            .put_part(&path, &multipart.0, index as usize, payload)
            .await;
        result.map(|part| Tag(part.content_id)).map_err(of_client)
    }

    pub(super) async fn abort(&self, key: &str, multipart: &MultipartId) -> Result<()> {
        let result = self.client.abort_multipart(&path(key)?, &multipart.0).await;
        existing_or_not(result)
    }
}

impl<C> Ordinary<C> {
    /// Refuses what the store does not have, and what cannot be in a header, at which
    /// the crate would panic.
    pub(super) fn check(&self, properties: &Properties) -> Result<()> {
        if self.tags == TagsAre::Generations && !properties.tags.is_empty() {
            let error = "objects in Google Cloud Storage have no tags";
            return Err(ObjectError::Invalid(error.into()));
        }
        match unfit(properties) {
            Some(text) => {
                let error = format!("a property of an object cannot be {text:?}");
                Err(ObjectError::Invalid(error.into()))
            }
            None => Ok(()),
        }
    }
}

/// Returns a key as a path, which has no empty segment.
pub(super) fn path(key: &str) -> Result<Path> {
    match Path::parse(key) {
        // A slash at an end would be dropped.
        Ok(path) if path.as_ref() == key => Ok(path),
        Ok(_) => {
            let error = format!("the key {key:?} begins or ends with a slash");
            Err(ObjectError::Invalid(error.into()))
        }
        Err(error) => Err(ObjectError::Invalid(error.into())),
    }
}

fn pieces(payload: &Payload) -> PutPayload {
    payload.pieces().iter().cloned().collect()
}

fn existing_or_not(result: object_store::Result<()>) -> Result<()> {
    match result.map_err(of_client) {
        Err(ObjectError::NotFound) => Ok(()),
        result => result,
    }
}

fn modified(meta: &ObjectMeta) -> Option<SystemTime> {
    let modified = SystemTime::from(meta.last_modified);
    // Stands for a missing header.
    (modified != SystemTime::UNIX_EPOCH).then_some(modified)
}

/// Leaves secrets out.
impl<C> fmt::Debug for Ordinary<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ordinary")
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}
