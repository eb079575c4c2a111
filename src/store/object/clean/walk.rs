//! Goes through all objects and multipart uploads below the prefix.

use std::collections::VecDeque;
use std::time::SystemTime;

use tower_tus_layers::protocol::{Error, UploadId};

use super::name::{Name, What};
use crate::store::object::ObjectStore;
use crate::store::object::calls::retried;
use crate::store::object::keys::Keys;
use crate::store::object::objects::{Listed, Listing, Multipart, MultipartId, ObjectError};

/// A thing that may be a leftover.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) name: Name,
    /// The size of an object.
    pub(super) size: u64,
    pub(super) modified: Option<SystemTime>,
}

#[derive(Debug)]
pub(super) struct Walk<'a> {
    store: &'a ObjectStore,
    /// Where the caller goes on.
    after: Option<Name>,
    /// A page of objects, and how many of them were returned.
    found: Listing,
    returned: usize,
    last: Option<String>,
    /// The next multipart uploads.
    begun: VecDeque<Multipart>,
    last_begun: Option<Multipart>,
    has_more_begun: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(store: &'a ObjectStore, after: Option<Name>) -> Self {
        let found = Listing {
            is_truncated: true,
            ..Listing::default()
        };
        Self {
            store,
            found,
            returned: 0,
            last: after.as_ref().map(|name| name.key.clone()),
            begun: VecDeque::new(),
            last_begun: after.as_ref().and_then(|name| mark(&store.prefix, name)),
            has_more_begun: true,
            after,
        }
    }

    /// Returns the next thing by its name.
    pub(super) async fn next(&mut self) -> Result<Option<Item>, Error> {
        loop {
            // Before the objects, whose states are read later still.
            if self.begun.is_empty() && self.has_more_begun {
                self.find_more_begun().await?;
            }
            if self.returned == self.found.objects.len() && self.found.is_truncated {
                self.find_more().await?;
            }
            let object = self.found.objects.get(self.returned);
            let is_object = match (object, self.begun.front()) {
                (None, None) => return Ok(None),
                (Some(object), Some(begun)) => object.key <= begun.key,
                (object, None | Some(_)) => object.is_some(),
            };
            let item = match is_object {
                true => self.next_object(),
                false => self.next_begun(),
            };
            if item.is_some() {
                return Ok(item);
            }
        }
    }

    fn next_object(&mut self) -> Option<Item> {
        let object = self.found.objects.get(self.returned)?;
        self.returned += 1;
        Some(Item {
            name: Name::of_object(&self.store.prefix, &object.key)?,
            size: object.size,
            modified: object.modified,
        })
    }

    fn next_begun(&mut self) -> Option<Item> {
        let begun = self.begun.pop_front()?;
        let name = Name::of_multipart(&self.store.prefix, &begun.key, begun.id)?;
        let is_next = match &self.after {
            None => true,
            Some(after) => match (&after.what, name.key == after.key) {
                // The store has its own order of those with the same key.
                (What::Multipart(..), true) => true,
                _ => name.order() > after.order(),
            },
        };
        is_next.then_some(Item {
            name,
            size: 0,
            modified: begun.begun,
        })
    }

    async fn find_more(&mut self) -> Result<(), Error> {
        let (objects, prefix) = (&self.store.objects, &self.store.prefix);
        let found = retried(|| objects.list(prefix, self.last.as_deref())).await?;
        self.found = found;
        self.returned = 0;
        match self.found.objects.last() {
            Some(object) => self.last = Some(object.key.clone()),
            // A server that says so would say it for ever.
            None => self.found.is_truncated = false,
        }
        Ok(())
    }

    async fn find_more_begun(&mut self) -> Result<(), Error> {
        let (objects, prefix) = (&self.store.objects, &self.store.prefix);
        let list = || objects.multiparts(prefix, self.last_begun.as_ref());
        let found = retried(list).await?;
        self.has_more_begun = found.is_truncated && !found.multiparts.is_empty();
        if let Some(last) = found.multiparts.last() {
            self.last_begun = Some(last.clone());
        }
        self.begun = found.multiparts.into();
        Ok(())
    }

    /// Whether an object is there, or was when the objects were listed.
    pub(super) async fn exists(&self, key: &str) -> Result<bool, Error> {
        let found = &self.found.objects;
        if found.binary_search_by(|it| (*it.key).cmp(key)).is_ok() {
            return Ok(true);
        }
        match retried(|| self.store.objects.head(key)).await {
            Ok(_) => Ok(true),
            Err(ObjectError::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the next `.info`s in the page of objects, with the one that was returned
    /// last.
    pub(super) fn next_infos(&self, count: usize) -> impl Iterator<Item = (UploadId, &Listed)> {
        let from = self.returned.saturating_sub(1);
        let objects = self.found.objects.iter().skip(from);
        let infos =
            objects.filter_map(|it| Some((Keys::id_of_info(&self.store.prefix, &it.key)?, it)));
        infos.take(count)
    }
}

/// Returns a mark before the multipart uploads that come next.
///
/// A list begins behind a multipart upload, or behind all of a key. So to list those of
/// the key of an object, this is a key a little before it.
fn mark(prefix: &str, after: &Name) -> Option<Multipart> {
    let (key, id) = match &after.what {
        What::Multipart(_, id) => (&*after.key, id.clone()),
        _ => (
            &after.key[..after.key.len() - 1],
            MultipartId(String::new()),
        ),
    };
    (key.len() > prefix.len()).then(|| Multipart {
        key: key.to_owned(),
        id,
        begun: None,
    })
}
