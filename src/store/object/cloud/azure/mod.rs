//! Containers of Azure.
//!
//! Parts are blocks: without numbers, each with a name of its own, and joined in the
//! order of a list. Blocks that no list names are removed with the next list, or after a
//! week. There is nothing to begin either: an object gets its properties with the list,
//! so they are the id of the parts until then.

mod commit;
mod create;
mod list;
mod properties;
mod sign;

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use object_store::azure::MicrosoftAzure;
use object_store::signer::Signer;

pub use self::create::ContainerAccess;
pub(super) use self::sign::Authorizer;
use super::failure::of_client;
use super::ordinary::{Ordinary, path};
use super::own::{Own, Unsigned};
use crate::store::object::objects::{
    Found, Listing, Multipart, MultipartId, Multiparts, Object, ObjectError, Objects, PartNumber,
    Parts, Payload, Properties, Result, Rules, Storage, Tag, When,
};

const MIB: u64 = 1 << 20;

const RULES: Rules = Rules {
    min_part: 1,
    max_part: 4000 * MIB,
    max_parts: 50_000,
    max_object: 50_000 * 4000 * MIB,
    equal_parts: false,
    gaps: true,
    conditional_complete: true,
    copies_parts: false,
    max_metadata: 8 << 10,
    max_tags: 10,
};

#[derive(Debug)]
pub(super) struct Container {
    ordinary: Ordinary<MicrosoftAzure>,
    own: Own,
    storage: Storage,
}

impl Container {
    pub(super) const fn new(
        ordinary: Ordinary<MicrosoftAzure>,
        own: Own,
        storage: Storage,
    ) -> Self {
        Self {
            ordinary,
            own,
            storage,
        }
    }

    /// Makes the container, unless it exists.
    pub(super) async fn create(&self, access: ContainerAccess) -> Result<()> {
        create::create(&self.own, access).await
    }
}

/// Returns properties as Azure takes them.
fn named(properties: &Properties) -> Properties {
    Properties {
        metadata: properties::named(&properties.metadata),
        ..properties.clone()
    }
}

#[async_trait]
impl Objects for Container {
    fn rules(&self) -> &Rules {
        &RULES
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
        let properties = named(properties);
        self.ordinary.put(key, &payload, when, &properties).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        match self.own.send(Unsigned::new(Method::DELETE, key)).await {
            Ok(_) | Err(ObjectError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Listing> {
        list::list(&self.own, prefix, after).await
    }

    /// Needs no request.
    async fn begin(&self, _: &str, properties: &Properties) -> Result<MultipartId> {
        let properties = named(properties);
        self.ordinary.check(&properties)?;
        properties::to_id(&properties)
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
        _: &str,
        _: &MultipartId,
        _: PartNumber,
        _: &str,
        _: Range<u64>,
    ) -> Result<Tag> {
        Err(ObjectError::Invalid("Azure cannot copy parts".into()))
    }

    async fn complete(
        &self,
        key: &str,
        multipart: &MultipartId,
        parts: &[(PartNumber, Tag)],
        when: When<'_>,
    ) -> Result<Tag> {
        let properties = properties::of_id(multipart)?;
        commit::commit(&self.own, key, parts, when, &properties).await
    }

    /// Needs no request.
    async fn abort(&self, key: &str, multipart: &MultipartId) -> Result<()> {
        self.ordinary.abort(key, multipart).await
    }

    async fn parts(&self, _: &str, _: &MultipartId, _: PartNumber) -> Result<Parts> {
        Err(ObjectError::Invalid("Azure does not number parts".into()))
    }

    async fn multiparts(&self, _: &str, _: Option<&Multipart>) -> Result<Multiparts> {
        Ok(Multiparts::default())
    }

    /// Has no URLs that replace headers: the crate does not sign these.
    async fn presign(
        &self,
        key: &str,
        content: &Properties,
        valid: Duration,
    ) -> Result<Option<String>> {
        if *content != Properties::default() {
            return Ok(None);
        }
        let client = &self.ordinary.client;
        let url = client.signed_url(Method::GET, &path(key)?, valid).await;
        Ok(Some(url.map_err(of_client)?.into()))
    }
}
