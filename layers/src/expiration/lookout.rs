use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use async_trait::async_trait;
use headers::{CacheControl, HeaderMapExt};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use super::Expiration;
use crate::gate::Gate;
use crate::protocol::header::UploadExpires;
use crate::protocol::{Action, Body, Concat, Error, Outcome, Upload, UploadId};
use crate::store::Store;

/// What the layer knows about one request: a gate for the uploads that it opens, and
/// afterwards the source of `Upload-Expires`.
#[derive(Debug)]
pub(super) struct Lookout {
    store: Arc<dyn Store>,
    expiration: Expiration,
    /// When the upload to which bytes are appended expires, if it was opened.
    seen: OnceLock<Option<SystemTime>>,
}

#[async_trait]
impl Gate for Lookout {
    async fn created(&self, _: &Parts, upload: &Upload) {
        self.expiration.unbury(&upload.id);
    }

    // EXP-07
    async fn opened(&self, _: &Parts, upload: &Upload, action: Action) -> Result<(), Error> {
        if action == Action::Terminate {
            return Ok(());
        }
        // If it cannot be decided, the upload is kept.
        let has_expired = self.expiration.has_expired(&*self.store, upload).await;
        if has_expired.unwrap_or(false) {
            return Err(Error::UploadExpired);
        }
        if action == Action::Append {
            let _ = self.seen.set(self.date(upload));
        }
        Ok(())
    }

    fn may_announce(&self) -> bool {
        false
    }
}

impl Lookout {
    pub(super) fn new(store: Arc<dyn Store>, expiration: Expiration) -> Self {
        Self {
            store,
            expiration,
            seen: OnceLock::new(),
        }
    }

    /// Completes the response to a request for `target`, or to a creation.
    pub(super) async fn tell(
        &self,
        method: &Method,
        target: Option<&UploadId>,
        response: &mut Response<Body>,
    ) {
        let is_buried = |id: &UploadId| self.expiration.is_buried(id);
        let error = response.extensions().get();
        if matches!(error, Some(Error::NotFound)) && target.is_some_and(is_buried) {
            *response.status_mut() = Error::UploadExpired.status();
            response.extensions_mut().insert(Error::UploadExpired);
        }
        if let Some(Error::UploadExpired) = response.extensions().get() {
            // Caches would keep a 410, but the id may be in use again.
            let no_store = CacheControl::new().with_no_store();
            response.headers_mut().typed_insert(no_store);
        }
        let date = self.date_after(method, target, response).await;
        if let Some(date) = date.and_then(UploadExpires::at) {
            response.headers_mut().typed_insert(date);
        }
    }

    /// Returns when the upload of a request expires, for its response.
    // EXP-03, EXP-04
    async fn date_after(
        &self,
        method: &Method,
        target: Option<&UploadId>,
        response: &Response<Body>,
    ) -> Option<SystemTime> {
        if hides(response) {
            return None;
        }
        match (Outcome::of(response.extensions()), self.seen.get()) {
            (Some(outcome), _) if outcome.terminated || outcome.expired => None,
            // EXP-05
            (Some(outcome), _) if outcome.received > 0 => {
                self.date_after_bytes(&outcome.upload).await
            }
            (Some(outcome), _) => self.date(&outcome.upload),
            (None, Some(seen)) => *seen,
            // Refused before it was opened.
            (None, None) if method == Method::PATCH => {
                let handle = self.store.open(target?).await.ok()?;
                self.date(handle.info())
            }
            (None, None) => None,
        }
    }

    /// Returns when an upload expires that has just received bytes. The store knows when,
    /// perhaps by a clock of its own.
    async fn date_after_bytes(&self, upload: &Upload) -> Option<SystemTime> {
        let mut active = upload.clone();
        active.modified = Some(self.expiration.now());
        let date = self.date(upload);
        // Nothing to ask for if the activity does not matter.
        if self.date(&active) == date {
            return date;
        }
        match self.store.open(&upload.id).await {
            Ok(handle) => self.date(handle.info()),
            // At least not too late.
            Err(_) => date,
        }
    }

    /// Returns when an upload expires. If its time is over and others need it, nobody
    /// knows.
    fn date(&self, upload: &Upload) -> Option<SystemTime> {
        let date = self.expiration.expires(upload)?;
        let is_awaited = |concat: &Concat| !concat.awaited_by().is_empty();
        let may_be_needed = upload.is_pending() || upload.concat.as_ref().is_some_and(is_awaited);
        (date > self.expiration.now() || !may_be_needed).then_some(date)
    }
}

/// Whether a response may hide from the client that there is an upload, or says that
/// it has expired.
fn hides(response: &Response<Body>) -> bool {
    const HIDING: [StatusCode; 3] = [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::NOT_FOUND,
    ];
    match response.extensions().get() {
        Some(Error::ModifyFinal) => false,
        Some(Error::UploadExpired) => true,
        _ => HIDING.contains(&response.status()),
    }
}
