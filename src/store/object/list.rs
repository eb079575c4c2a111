//! Lists uploads in the order of their ids.
//!
//! Their states are not in this order: the key `a.info` comes behind `a-b.info`. Only an
//! id with which another one begins can come too late. So before an upload is listed, the
//! beginnings of its id are looked for whose keys are still to come.

use std::collections::VecDeque;
use std::sync::Arc;

use tower_tus_layers::protocol::{Error, UploadId};
use tower_tus_layers::store::{ListRequest, Page};

use super::ObjectStore;
use super::adopt::{self, Refused};
use super::calls::{retried, side_by_side};
use super::info::Info;
use super::keys::Keys;
use super::objects::{Listing, ObjectError};

pub(super) async fn list(store: &ObjectStore, request: &ListRequest) -> Result<Page, Error> {
    let (ids, next) = ids(store, request).await?;
    let mut page = read(store, request, ids).await?;
    page.next = next;
    Ok(page)
}

/// Returns the ids of the next uploads, and where the page behind them begins.
pub(super) async fn ids(
    store: &ObjectStore,
    request: &ListRequest,
) -> Result<(Vec<UploadId>, Option<UploadId>), Error> {
    let limit = request.limit.max(1);
    let mut walk = Walk::new(store, request);
    let mut ids = Vec::new();
    while ids.len() <= limit
        && let Some(id) = walk.next().await?
    {
        ids.push(id);
    }
    let is_last = ids.len() <= limit;
    ids.truncate(limit);
    let next = ids.last().filter(|_| !is_last).cloned();
    Ok((ids, next))
}

/// Reads the states of uploads. An upload that tusd has begun is found by the beginning
/// of its id, and has its place in the list by this.
async fn read(
    store: &ObjectStore,
    request: &ListRequest,
    ids: Vec<UploadId>,
) -> Result<Page, Error> {
    let calls = ids.iter().map(|id| {
        let (objects, keys, id) = (Arc::clone(&store.objects), store.keys(id), id.clone());
        async move { retried(|| Info::read_at(&*objects, &keys, &id)).await }
    });
    let infos = side_by_side(calls.collect()).await;
    let mut page = Page::default();
    for (id, info) in ids.into_iter().zip(infos) {
        match info {
            Ok((id, _)) if !id.as_str().starts_with(&request.prefix) => {}
            Ok((_, info)) if info.state.gone => {}
            Ok((id, info)) => match info.refused.and_then(Refused::error) {
                None => page.uploads.push(info.upload(id)),
                Some(Error::NotFound) => {}
                Some(error) => page.unreadable.push((id, error)),
            },
            // It was removed meanwhile.
            Err(ObjectError::NotFound) => {}
            Err(error @ ObjectError::Invalid(_)) => page.unreadable.push((id, error.into())),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(page)
}

/// Goes through the ids that a request selects.
struct Walk<'a> {
    store: &'a ObjectStore,
    request: &'a ListRequest,
    /// The keys that were found, and how many of them were looked at.
    found: Listing,
    looked_at: usize,
    /// Where the next keys begin.
    after: Option<String>,
    /// Ids that come next.
    ready: VecDeque<UploadId>,
    last: Option<UploadId>,
}

impl<'a> Walk<'a> {
    fn new(store: &'a ObjectStore, request: &'a ListRequest) -> Self {
        // Greater ids have keys that are greater than the id itself.
        let after = request.after.as_ref();
        Self {
            store,
            request,
            found: Listing {
                is_truncated: true,
                ..Listing::default()
            },
            looked_at: 0,
            after: after.map(|id| format!("{}{id}", store.prefix)),
            ready: VecDeque::new(),
            last: None,
        }
    }

    async fn next(&mut self) -> Result<Option<UploadId>, Error> {
        while self.ready.is_empty() {
            let Some(id) = self.next_by_key().await? else {
                return Ok(None);
            };
            if self.is_next(&id) {
                self.find_beginnings(&id).await?;
                self.ready.push_back(id);
            }
        }
        self.last = self.ready.pop_front();
        Ok(self.last.clone())
    }

    /// Whether the id is selected, and was not returned before. That of tusd's upload may
    /// go on.
    fn is_next(&self, id: &UploadId) -> bool {
        let (prefix, after) = (&*self.request.prefix, self.request.after.as_ref());
        let rest = prefix.strip_prefix(id.as_str());
        (id.as_str().starts_with(prefix) || rest.is_some_and(|rest| rest.starts_with('+')))
            && after.is_none_or(|after| id > after)
            && self.last.as_ref().is_none_or(|last| id > last)
    }

    /// Returns the next id in the order of keys.
    async fn next_by_key(&mut self) -> Result<Option<UploadId>, Error> {
        loop {
            while let Some(object) = self.found.objects.get(self.looked_at) {
                self.looked_at += 1;
                if let Some(id) = Keys::id_of_info(&self.store.prefix, &object.key) {
                    return Ok(Some(id));
                }
            }
            if !self.found.is_truncated {
                return Ok(None);
            }
            self.find_more().await?;
        }
    }

    async fn find_more(&mut self) -> Result<(), Error> {
        let before = adopt::before_multipart(&self.request.prefix);
        let prefix = format!("{}{before}", self.store.prefix);
        let objects = &self.store.objects;
        let list = || objects.list(&prefix, self.after.as_deref());
        self.found = retried(list).await?;
        self.looked_at = 0;
        match self.found.objects.last() {
            Some(object) => self.after = Some(object.key.clone()),
            // A server that says so would say it for ever.
            None => self.found.is_truncated = false,
        }
        Ok(())
    }

    /// Makes the uploads ready with whose ids this one begins, and whose keys come later.
    async fn find_beginnings(&mut self, id: &UploadId) -> Result<(), Error> {
        let info = self.store.keys(id).info();
        let beginnings = id.as_str().char_indices().skip(1);
        for (end, _) in beginnings {
            let Ok(beginning) = id.as_str()[..end].parse() else {
                continue;
            };
            let key = self.store.keys(&beginning).info();
            if key > info && self.is_next(&beginning) && self.exists(&key).await? {
                self.ready.push_back(beginning);
            }
        }
        Ok(())
    }

    /// Whether an object exists whose key was not looked at yet.
    async fn exists(&self, key: &str) -> Result<bool, Error> {
        let found = &self.found.objects;
        let is_in_reach = found.last().is_some_and(|last| *last.key >= *key);
        if is_in_reach || !self.found.is_truncated {
            return Ok(found.binary_search_by(|it| (*it.key).cmp(key)).is_ok());
        }
        match retried(|| self.store.objects.head(key)).await {
            Ok(_) => Ok(true),
            Err(ObjectError::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
