//! The calls that the crate `object_store` has.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::time::SystemTime;

use http::{HeaderName, HeaderValue};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, TagSet, UpdateVersion,
};

use super::failure::of_client;
use crate::store::object::objects::{
    Found, MultipartId, Object, ObjectError, PartNumber, Payload, Properties, Result, Tag, When,
};

/// A client of the crate.
pub(super) struct Ordinary<C> {
    pub(super) client: C,
    pub(super) tags: TagsAre,
}

/// What tells the states of an object apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagsAre {
    ETags,
    Generations,
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
    fn check(&self, properties: &Properties) -> Result<()> {
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

/// Returns the first text that cannot be in a header.
fn unfit(properties: &Properties) -> Option<&String> {
    let headers = [
        &properties.content_type,
        &properties.content_disposition,
        &properties.cache_control,
        &properties.storage_class,
    ];
    let is_name = |text: &&String| text.parse::<HeaderName>().is_ok();
    let mut names = properties.metadata.keys();
    let mut values = headers
        .into_iter()
        .flatten()
        .chain(properties.metadata.values());
    names
        .find(|name| !is_name(name))
        .or_else(|| values.find(|value| !is_in_headers(value)))
}

impl TagsAre {
    pub(super) fn tag(self, etag: Option<String>, generation: Option<String>) -> Result<Tag> {
        let tag = match self {
            Self::ETags => etag,
            Self::Generations => generation,
        };
        tag.map(Tag).ok_or_else(|| {
            ObjectError::Unknown("the answer does not name the state of the object".into())
        })
    }

    fn mode(self, when: When<'_>) -> PutMode {
        let Tag(tag) = match when {
            When::Always => return PutMode::Overwrite,
            When::Absent => return PutMode::Create,
            When::Match(tag) => tag.clone(),
        };
        PutMode::Update(match self {
            Self::ETags => UpdateVersion {
                e_tag: Some(tag),
                version: None,
            },
            Self::Generations => UpdateVersion {
                e_tag: None,
                version: Some(tag),
            },
        })
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

pub(super) fn existing_or_not(result: object_store::Result<()>) -> Result<()> {
    match result {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => match of_client(error) {
            ObjectError::NotFound => Ok(()),
            error => Err(error),
        },
    }
}

fn modified(meta: &ObjectMeta) -> Option<SystemTime> {
    let modified = SystemTime::from(meta.last_modified);
    // Stands for a missing header.
    (modified != SystemTime::UNIX_EPOCH).then_some(modified)
}

fn metadata(attributes: &Attributes) -> BTreeMap<String, String> {
    let pairs = attributes.iter().filter_map(|(name, value)| match name {
        Attribute::Metadata(name) => Some((name.to_string(), value.to_string())),
        _ => None,
    });
    pairs.collect()
}

/// Whether a text is a header that can be signed.
fn is_in_headers(text: &str) -> bool {
    text.is_ascii() && HeaderValue::from_str(text).is_ok()
}

fn attributes(properties: &Properties) -> Attributes {
    let headers = [
        (Attribute::ContentType, &properties.content_type),
        (
            Attribute::ContentDisposition,
            &properties.content_disposition,
        ),
        (Attribute::CacheControl, &properties.cache_control),
        (Attribute::StorageClass, &properties.storage_class),
    ];
    let headers = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)));
    let metadata = properties.metadata.iter();
    let metadata =
        metadata.map(|(name, value)| (Attribute::Metadata(name.clone().into()), value.clone()));
    headers.chain(metadata).collect()
}

fn tags(properties: &Properties) -> TagSet {
    let mut tags = TagSet::default();
    for (name, value) in &properties.tags {
        tags.push(name, value);
    }
    tags
}

/// Leaves secrets out.
impl<C> fmt::Debug for Ordinary<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ordinary")
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}
