//! Lists uploads.

use async_trait::async_trait;
use tower_tus_layers::protocol::{Error, Upload, UploadId};
use tower_tus_layers::store::{ListRequest, Lister, Page};

use super::FileStore;
use super::error::{of_store, of_upload};
use super::look::peek;
use super::place::{self, Place};
use super::walk::{Budget, Names, Stop, Walk};

/// The maximum number of uploads in a page.
pub(super) const MOST: usize = 10_000;

/// How much a step does, so that no other waits long for its thread.
pub(super) const STEP: usize = 50_000;

/// What a look at an upload costs, in entries of a directory.
pub(super) const LOOK: usize = 50;

#[async_trait]
impl Lister for FileStore {
    async fn list(&self, request: &ListRequest) -> Result<Page, Error> {
        let _turn = self.ahead.turn().await;
        let mut listing = Listing::new(self, request);
        while !listing.is_done {
            listing = self.long(move |store| listing.go_on(store)).await?;
        }
        // An unmounted disk looks like one without uploads.
        self.short(|_| Ok(())).await?;
        let Listing { walk, page, .. } = listing;
        if let Some(next) = &page.next {
            self.ahead.keep(walk, &request.prefix, next.as_str());
        }
        Ok(page)
    }
}

/// A page, and how far it is.
struct Listing {
    walk: Walk,
    request: ListRequest,
    page: Page,
    last: Option<UploadId>,
    is_done: bool,
}

impl Listing {
    fn new(store: &FileStore, request: &ListRequest) -> Self {
        let ListRequest { prefix, after, .. } = request;
        let after = after.as_ref().map(UploadId::as_str);
        let mut request = request.clone();
        request.limit = request.limit.clamp(1, MOST);
        Self {
            walk: store.ahead.walk(store.dir(), Names::Ids, prefix, after),
            request,
            page: Page::default(),
            last: None,
            is_done: false,
        }
    }

    fn is_full(&self) -> bool {
        self.page.uploads.len() + self.page.unreadable.len() == self.request.limit
    }

    /// Goes on until the budget of a step is spent.
    fn go_on(mut self, store: &FileStore) -> Result<Self, Error> {
        let mut budget = Budget::new(STEP);
        while !self.is_done && !budget.is_spent() {
            match self.walk.next(&mut budget).map_err(of_store)? {
                Stop::Name(name) if name.parse::<UploadId>().is_ok() && self.is_full() => {
                    self.walk.give_back(name);
                    self.is_done = true;
                    self.page.next = self.last.take();
                }
                Stop::Name(name) => {
                    budget.spend(LOOK);
                    self.add(store, &name);
                }
                Stop::Pause => break,
                Stop::End => self.is_done = true,
            }
        }
        Ok(self)
    }

    fn add(&mut self, store: &FileStore, name: &str) {
        let Ok(id) = name.parse::<UploadId>() else {
            return;
        };
        match find(store, &id) {
            Ok(upload) => self.page.uploads.push(upload),
            // It was removed just now, or has only been begun, or its bytes are gone.
            Err(Error::NotFound) => {}
            Err(error) => self.page.unreadable.push((id.clone(), error)),
        }
        self.last = Some(id);
    }
}

/// Returns an upload as its files show it, and changes nothing.
fn find(store: &FileStore, id: &UploadId) -> Result<Upload, Error> {
    let (layout, document) = place::known(store, id).map_err(of_upload)?;
    match place::locate(store, id, layout, &document).map_err(of_upload)? {
        Place::Found(layout, seen) => peek(store, id.clone(), &layout, seen, &document),
        Place::Gone(data) => Err(of_upload(place::gone(&data))),
    }
}
