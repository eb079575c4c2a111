//! What becomes of pending finals while other requests are served.
//!
//! # Races
//!
//! *Locks.* A request has the lock of its own upload already, from the Lock
//! layer. If that is a part, it takes that of a final besides; who has a
//! final's takes no other; and no upload is both. A creation takes those of its
//! parts in the order of their ids, and none of the final, of which nobody else
//! knows yet. So nobody waits for somebody who waits for him.
//!
//! *Two parts are finished at the same time.* Each is recorded as finished
//! before its request looks at the other parts, so the later one at least finds
//! all of them finished. If both do, the second one to have the final's lock
//! finds that it is pending no more.
//!
//! *A part is ended while the final is assembled.* A finished part never
//! changes, but it may vanish under whoever reads it without its lock. The
//! assembly then fails and the final is pending still, or it has all bytes and
//! is not. Who has ended the part waits for the final's lock, and ends what is
//! pending then.
//!
//! *Everything ends in the middle.* HEAD and GET of a final that is pending look
//! at its parts again:
//!
//! | cut off | what they find | what they do |
//! |---|---|---|
//! | before a part knows who awaits it | all parts finished, in the end | assemble it, and finish it |
//! | after the last part was finished | the same | the same |
//! | while it is assembled | the same; the store forgets what it had copied | the same |
//! | after it was assembled | pending no more, complete, not finished | the core's HEAD finishes it |
//! | after a part was ended | a part is gone | end it too |

use headers::HeaderMapExt;
use http::request::Parts;
use http::{Method, Request, Response};
use tower_service::Service;

use super::settings::{Progress, Settings};
use crate::context::{Derived, Rollback};
use crate::protocol::{Body, Concat, Error, Outcome, UploadId};
use crate::ready::call_again;

/// The service inside, which serves a request and then, in its name, whatever
/// follows from it for other uploads.
pub(super) struct Inside<S> {
    service: S,
    settings: Settings,
    request: Parts,
}

/// What looking again at a pending final has led to.
enum CaughtUp {
    /// It has its bytes now. HEAD is answered so.
    Assembled(Response<Body>),
    /// Or not, and the request is answered so.
    Otherwise(Response<Body>),
}

impl<S> Inside<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    pub(super) const fn new(service: S, settings: Settings, request: Parts) -> Self {
        Self {
            service,
            settings,
            request,
        }
    }

    pub(super) async fn serve(mut self, body: Body) -> Result<Response<Body>, S::Error> {
        let request = Request::from_parts(self.request.clone(), body);
        let mut response = self.service.call(request).await?;
        let outcome = Outcome::of(response.extensions());
        let Some(outcome) = outcome.filter(|outcome| outcome.upload.concat.is_some()) else {
            return Ok(response);
        };
        let (finished, terminated) = (outcome.finished, outcome.terminated);
        let upload = outcome.upload.clone();
        if upload.is_pending() {
            return match self.request.method {
                Method::HEAD => self
                    .catch_up(response, &upload.id)
                    .await
                    .map(CaughtUp::head),
                Method::GET => self.read(response, &upload.id).await,
                _ => Ok(response),
            };
        }
        let mut others = Vec::new();
        for id in upload.concat.as_ref().map_or(&[][..], Concat::awaited_by) {
            others.extend(match (terminated, finished) {
                (true, _) => self.end(id, &upload.id).await?,
                (false, true) => self.complete(id).await?,
                (false, false) => None,
            });
        }
        tell(&mut response, others);
        Ok(response)
    }

    /// Completes a final of which a part was finished, if it was the last one.
    async fn complete(&mut self, id: &UploadId) -> Result<Option<Outcome>, S::Error> {
        let Some(guard) = self.settings.try_lock(&self.request, id).await else {
            return Ok(None);
        };
        let response = match self.settings.assemble(&self.request, id).await {
            Ok(Progress::Assembled) => Some(self.head(id).await),
            Ok(Progress::Pending(_)) | Err(Error::NotFound) => None,
            Err(error) => {
                // The part is finished all the same; HEAD of the final tells why.
                tracing::warn!(%error, %id, "a final could not be assembled yet");
                None
            }
        };
        guard.release().await;
        Ok(response.transpose()?.and_then(outcome))
    }

    /// Ends a final that waited for `part`, which was ended.
    async fn end(&mut self, id: &UploadId, part: &UploadId) -> Result<Option<Outcome>, S::Error> {
        let Some(guard) = self.settings.try_lock(&self.request, id).await else {
            return Ok(None);
        };
        let response = match self.settings.pending(id).await {
            Ok(Some(concat)) if concat.parts().contains(part) => Some(self.discard(id).await),
            // It is made, or gone, or its id is another upload's by now.
            Ok(_) | Err(Error::NotFound) => None,
            Err(error) => {
                tracing::warn!(%error, %id, "a final could not be ended with its part");
                None
            }
        };
        guard.release().await;
        Ok(response.transpose()?.and_then(outcome))
    }

    /// Looks again at a pending final, which is locked.
    async fn catch_up(
        &mut self,
        mut response: Response<Body>,
        id: &UploadId,
    ) -> Result<CaughtUp, S::Error> {
        match self.settings.assemble(&self.request, id).await {
            Ok(Progress::Assembled) => {
                let head = self.head(id).await?;
                return Ok(CaughtUp::Assembled(head));
            }
            Ok(Progress::Pending(length)) => {
                // CAT-15
                if let Some(length) = length {
                    response.headers_mut().typed_insert(length);
                }
            }
            Err(Error::NotFound) => {
                let ended = self.discard(id).await?;
                response = Error::NotFound.into_response();
                if let Some(ended) = outcome(ended) {
                    ended.record(response.extensions_mut());
                }
            }
            Err(error) => response = error.into_response(),
        }
        Ok(CaughtUp::Otherwise(response))
    }

    /// As [`catch_up`](Self::catch_up) for GET, which has no lock yet.
    async fn read(
        &mut self,
        response: Response<Body>,
        id: &UploadId,
    ) -> Result<Response<Body>, S::Error> {
        let guard = match self.settings.lock(&self.request, id).await {
            Ok(guard) => guard,
            Err(error) => return Ok(error.into_response()),
        };
        let caught_up = self.catch_up(response, id).await;
        guard.release().await;
        match caught_up? {
            CaughtUp::Otherwise(response) => Ok(response),
            CaughtUp::Assembled(head) => {
                let mut response = self.call(Derived::Get).await?;
                tell(&mut response, outcome(head).into_iter().collect());
                Ok(response)
            }
        }
    }

    /// Ends an upload that no client has asked to end.
    async fn discard(&mut self, id: &UploadId) -> Result<Response<Body>, S::Error> {
        self.call(Derived::Rollback(id.clone(), Rollback::Always))
            .await
    }

    /// HEAD of a final, by which the core finishes what is complete.
    async fn head(&mut self, id: &UploadId) -> Result<Response<Body>, S::Error> {
        self.call(Derived::Head(Some(id.clone()))).await
    }

    async fn call(&mut self, derived: Derived) -> Result<Response<Body>, S::Error> {
        let request = derived.of(self.request.clone());
        let request = Request::from_parts(request, Body::default());
        call_again(&mut self.service, request).await
    }
}

impl CaughtUp {
    /// The answer to HEAD.
    fn head(self) -> Response<Body> {
        match self {
            Self::Assembled(head) | Self::Otherwise(head) => head,
        }
    }
}

/// What an inner request did.
fn outcome(mut response: Response<Body>) -> Option<Outcome> {
    match response.extensions().get::<Error>() {
        Some(error) if error.status().is_server_error() => {
            tracing::warn!(%error, "a final could not be finished or ended");
        }
        Some(error) => tracing::debug!(%error, "a final was not to be finished or ended"),
        None => {}
    }
    response.extensions_mut().remove()
}

/// Adds what a request did to other uploads.
fn tell(response: &mut Response<Body>, others: Vec<Outcome>) {
    for other in others {
        other.record(response.extensions_mut());
    }
}
