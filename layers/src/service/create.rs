//! POST on the collection.

use headers::{Header, HeaderMapExt};
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};

use super::{Core, give, respond};
use crate::context::Context;
use crate::empty_body::refuse_bytes;
use crate::protocol::header::{UPLOAD_CONCAT, UploadDeferLength};
use crate::protocol::{
    Body, Concat, Error, FinishState, Length, NewUpload, Outcome, ResponseOverride, is_side_file,
};
use crate::store::Handle;

impl Core {
    pub(super) async fn create(&self, parts: &Parts, body: Body) -> Response<Body> {
        let (mut handle, is_fresh) = match self.make(parts, body).await {
            Ok(made) => made,
            Err(error) => return error.into_response(),
        };
        let location = Context::base_url(parts).location(&handle.info().id);
        let concat = handle.info().concat.as_ref();
        let concat = concat.map(|concat| concat.header(|| Context::base_url(parts)));
        let mut outcome = Outcome::new(handle.info().clone());
        outcome.created = true;

        // CRE-10: an empty upload is complete as soon as it is created, and so
        // is a final upload of complete parts.
        let finished = match handle.info().is_complete() {
            true => self
                .finish(parts, &mut *handle)
                .await
                .inspect(|_| outcome.finished = true),
            false => Ok(ResponseOverride::default()),
        };
        outcome.upload = handle.info().clone();
        if let Some(place) = Context::of(&parts.extensions).hand_over()
            && is_fresh
            && finished.is_ok()
        {
            place.leave(handle);
        }
        let (result, answer) = match finished {
            Ok(answer) => (Ok(created()), answer),
            Err(error) => (Err(error), ResponseOverride::default()),
        };
        let mut response = respond(result, outcome);
        // CRE-15. Even if finishing failed: the upload exists, and can be
        // resumed.
        response.headers_mut().insert(LOCATION, location);
        if let Some(concat) = concat {
            response.headers_mut().insert(&UPLOAD_CONCAT, concat); // CAT-17
        }
        give(answer, &mut response, parts);
        response
    }

    /// Creates the requested upload, if it is valid and no gate refuses it. Also
    /// returns whether its id is [fresh](NewUpload::is_fresh).
    async fn make(&self, parts: &Parts, body: Body) -> Result<(Box<dyn Handle>, bool), Error> {
        let mut new = self.asked_for(parts)?;
        // After the checks of the head, and before any gate is called.
        refuse_bytes(parts, body, self.strictness).await?;
        for gate in Context::of(&parts.extensions).gates() {
            gate.creating(parts, &mut new).await?;
        }
        if !Context::of(&parts.extensions).may_reach(&new.id) {
            let why = format!(
                "a gate has named {} outside the scope of the request",
                new.id
            );
            return Err(Error::internal(why));
        }
        // Checked for every gate: the place could be a side file with another
        // upload's offset.
        let path = new.storage_path.as_ref().filter(|path| !path.is_empty());
        let mut places = path.into_iter().chain(&new.object.key);
        if let Some(path) = places.find(|place| is_side_file(place)) {
            let why = format!("a gate has named the reserved storage path {path:?}");
            return Err(Error::internal(why));
        }
        let is_pending = new.concat.as_ref().is_some_and(Concat::is_pending);
        // Later requests must see that a pending final is unfinished.
        if is_pending || self.records_finishing(parts) {
            new.finishing = Some(FinishState::Pending { attempts: 0 });
        }
        let is_fresh = new.is_fresh();
        let handle = match &new.concat {
            Some(concat) if concat.is_final() && !is_pending => {
                let concatenate = self.store.concatenator();
                let concatenate = concatenate.ok_or(Error::ConcatenationUnsupported)?;
                let interrupt = Context::of(&parts.extensions).interrupt();
                concatenate.concatenate(new, &interrupt).await?
            }
            _ => self.store.create(new).await?,
        };
        for gate in Context::of(&parts.extensions).gates() {
            gate.created(parts, handle.info()).await;
        }
        Ok((handle, is_fresh))
    }

    /// Reads the requested upload from the headers.
    fn asked_for(&self, parts: &Parts) -> Result<NewUpload, Error> {
        let asked = Context::of(&parts.extensions).concat();
        let length = match asked {
            None if parts.headers.contains_key(&UPLOAD_CONCAT) => {
                return Err(Error::ConcatenationUnsupported);
            }
            Some(asked) if asked.concat.is_final() => asked.length,
            _ => self.length(&parts.headers)?,
        };
        // CAT-07: a final upload has the metadata of its own creation, too.
        let mut new = NewUpload::new(length, self.metadata(&parts.headers)?);
        new.concat = asked.map(|asked| asked.concat.clone());
        if let Some(scope) = Context::of(&parts.extensions).scope() {
            new.id = scope.id(&new.id).map_err(Error::internal)?;
        }
        Ok(new)
    }

    /// Returns the length, or `None` if the client defers it.
    // CRE-07
    fn length(&self, headers: &HeaderMap) -> Result<Option<Length>, Error> {
        let length = typed::<Length>(headers, Error::InvalidUploadLength)?;
        // CRE-08
        let deferred = typed::<UploadDeferLength>(headers, Error::InvalidUploadDeferLength)?;
        match (length, deferred) {
            (Some(length), None) => Ok(Some(length)),
            (None, Some(_)) if self.may_defer_length() => Ok(None),
            (None, Some(_)) => Err(Error::NotImplemented),
            (Some(_), Some(_)) => Err(Error::AmbiguousUploadLength),
            (None, None) => Err(Error::InvalidUploadLength),
        }
    }

    /// Returns whether finishing can fail, and therefore must be recorded from
    /// the start.
    pub(super) fn records_finishing(&self, parts: &Parts) -> bool {
        self.store.needs_finish() || Context::of(&parts.extensions).decides_completion()
    }
}

// CRE-14
fn created() -> Response<Body> {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::CREATED;
    response
}

/// Parses a header, which may be absent but not malformed.
pub(super) fn typed<H: Header>(headers: &HeaderMap, malformed: Error) -> Result<Option<H>, Error> {
    headers.typed_try_get().map_err(|_| malformed)
}
