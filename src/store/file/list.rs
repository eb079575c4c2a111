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
        let (mut page, next) = collect::<Page>(self, request).await?;
        page.next = next;
        Ok(page)
    }
}

/// What is collected from uploads, one after the other.
pub(super) trait Collected: Default + Send + 'static {
    /// The number of uploads, of which a page has a maximum.
    fn len(&self) -> usize;

    fn add(&mut self, store: &FileStore, id: &UploadId);
}

impl Collected for Page {
    fn len(&self) -> usize {
        self.uploads.len() + self.unreadable.len()
    }

    fn add(&mut self, store: &FileStore, id: &UploadId) {
        match find(store, id) {
            Ok(upload) => self.uploads.push(upload),
            // It was removed just now, or has only been begun, or its bytes are gone.
            Err(Error::NotFound) => {}
            Err(error) => self.unreadable.push((id.clone(), error)),
        }
    }
}

/// Collects a page. Returns where the next one begins, too.
pub(super) async fn collect<P: Collected>(
    store: &FileStore,
    request: &ListRequest,
) -> Result<(P, Option<UploadId>), Error> {
    let _turn = store.ahead.turn().await;
    let mut listing = Listing::<P>::new(store, request);
    while !listing.is_done {
        listing = store.listing(move |store| listing.go_on(store)).await?;
    }
    // An unmounted disk looks like one without uploads.
    store.short(|_| Ok(())).await?;
    let Listing {
        walk, page, next, ..
    } = listing;
    if let Some(next) = &next {
        store.ahead.keep(walk, &request.prefix, next.as_str());
    }
    Ok((page, next))
}

/// A page, and how far it is.
struct Listing<P> {
    walk: Walk,
    limit: usize,
    page: P,
    last: Option<UploadId>,
    next: Option<UploadId>,
    is_done: bool,
}

impl<P: Collected> Listing<P> {
    fn new(store: &FileStore, request: &ListRequest) -> Self {
        let ListRequest { prefix, after, .. } = request;
        let after = after.as_ref().map(UploadId::as_str);
        Self {
            walk: store.ahead.walk(store.dir(), Names::Ids, prefix, after),
            limit: request.limit.clamp(1, MOST),
            page: P::default(),
            last: None,
            next: None,
            is_done: false,
        }
    }

    /// Goes on until the budget of a step is spent.
    fn go_on(mut self, store: &FileStore) -> Result<Self, Error> {
        let mut budget = Budget::new(STEP);
        while !self.is_done && !budget.is_spent() {
            match self.walk.next(&mut budget).map_err(of_store)? {
                Stop::Name(name) => self.visit(store, name, &mut budget),
                Stop::Pause => break,
                Stop::End => self.is_done = true,
            }
        }
        Ok(self)
    }

    fn visit(&mut self, store: &FileStore, name: String, budget: &mut Budget) {
        let Ok(id) = name.parse::<UploadId>() else {
            return;
        };
        if self.page.len() >= self.limit {
            self.walk.give_back(name);
            self.next = self.last.take();
            self.is_done = true;
            return;
        }
        budget.spend(LOOK);
        self.page.add(store, &id);
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
