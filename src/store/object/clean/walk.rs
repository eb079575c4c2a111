//! Goes through all things in a bucket, in the order of their names.

use std::collections::VecDeque;
use std::mem;

use super::thing::{Thing, split};
use crate::store::object::ObjectStore;
use crate::store::object::calls::retried;
use crate::store::object::objects::{Listed, Multipart, MultipartId, Result};

/// Two lists at once: of objects, and of multipart uploads.
pub(super) struct Walk<'a> {
    store: &'a ObjectStore,
    objects: Pages<Listed>,
    multiparts: Pages<Multipart>,
    /// The key behind which it begins, and the id of a multipart upload for it.
    after: Option<(String, Option<String>)>,
}

/// A list, as far as it was read.
struct Pages<T> {
    found: VecDeque<T>,
    /// Behind which item the next page begins.
    after: Option<T>,
    is_truncated: bool,
}

impl<T: Clone> Pages<T> {
    const fn new(after: Option<T>) -> Self {
        Self {
            found: VecDeque::new(),
            after,
            is_truncated: true,
        }
    }

    fn add(&mut self, items: Vec<T>, is_truncated: bool) {
        // A server that sends nothing would do so for ever.
        self.is_truncated = is_truncated && !items.is_empty();
        self.after = items.last().cloned().or(self.after.take());
        self.found.extend(items);
    }

    fn needs_more(&self) -> bool {
        self.found.is_empty() && self.is_truncated
    }
}

impl<'a> Walk<'a> {
    /// Begins behind the thing with this name.
    pub(super) fn new(store: &'a ObjectStore, after: Option<&str>) -> Self {
        let key = |name: &str| format!("{}{name}", store.prefix);
        let after = after.map(|name| match split(name) {
            Some((name, id)) => (key(name), Some(id.to_owned())),
            None => (key(name), None),
        });
        let object = after.as_ref().map(|(key, _)| Listed {
            key: key.clone(),
            size: 0,
            modified: None,
        });
        // The list of multipart uploads begins before those with the same key.
        let multipart = after.as_ref().map(|(key, _)| Multipart {
            key: before(key),
            id: MultipartId(String::new()),
            begun: None,
        });
        Self {
            store,
            objects: Pages::new(object),
            multiparts: Pages::new(multipart),
            after,
        }
    }

    fn is_behind(&self, it: &Multipart) -> bool {
        self.after.as_ref().is_none_or(|(key, id)| {
            let has_key = it.key == *key;
            it.key > *key || has_key && id.as_ref().is_none_or(|id| it.id.0 > *id)
        })
    }

    /// Returns the next things: fewer only at the end.
    pub(super) async fn batch(&mut self, limit: usize) -> Result<Vec<Thing>> {
        let mut things = Vec::new();
        while things.len() < limit {
            let Some(thing) = self.next().await? else {
                break;
            };
            things.push(thing);
        }
        Ok(things)
    }

    async fn next(&mut self) -> Result<Option<Thing>> {
        let store = self.store;
        while self.objects.needs_more() {
            let after = self.objects.after.as_ref().map(|it| it.key.clone());
            let list = || store.objects.list(&store.prefix, after.as_deref());
            let page = retried(list).await?;
            self.objects.add(page.objects, page.is_truncated);
        }
        while self.multiparts.needs_more() {
            let after = self.multiparts.after.clone();
            let list = || store.objects.multiparts(&store.prefix, after.as_ref());
            let page = retried(list).await?;
            self.multiparts.add(page.multiparts, page.is_truncated);
            let found = mem::take(&mut self.multiparts.found).into_iter();
            let mut found: Vec<_> = found.filter(|it| self.is_behind(it)).collect();
            // Those with one key have the order of their beginning.
            found.sort_by(|one, other| (&one.key, &one.id.0).cmp(&(&other.key, &other.id.0)));
            self.multiparts.found = found.into();
        }
        let (object, multipart) = (self.objects.found.front(), self.multiparts.found.front());
        let is_object = match (object, multipart) {
            (Some(object), Some(multipart)) => object.key <= multipart.key,
            (object, _) => object.is_some(),
        };
        Ok(match is_object {
            true => self.objects.found.pop_front().map(Thing::Object),
            false => self.multiparts.found.pop_front().map(Thing::Multipart),
        })
    }
}

/// Returns a text before `key`, and behind most keys that are less.
fn before(key: &str) -> String {
    let mut chars = key.chars();
    chars.next_back();
    chars.as_str().to_owned()
}
