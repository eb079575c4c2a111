//! Completes and terminates pending finals when other requests affect them.
//!
//! # Races
//!
//! *Locks.* The Lock layer has already locked the request's own upload. If that is a
//! part, the request also locks its final, unless that is no longer pending. A request
//! that holds the lock of a final takes no other, and no upload is both. HEAD and GET
//! look at a pending final without its lock, and acquire it if there is something to
//! do. A creation locks its parts in the order of their ids, but not the final, which
//! no other request knows yet. So no two requests wait for each other.
//!
//! *Two parts are finished at the same time.* Each is recorded as finished before its
//! request looks at the other parts, so at least the later one finds all of them
//! finished. If both do, the second one to get the final's lock finds that it is no
//! longer pending.
//!
//! *A part is terminated while the final is assembled.* A finished part never
//! changes, but it may vanish while it is read without its lock. Either the assembly
//! then fails and the final is still pending, or the final has all its bytes and is
//! no longer pending. The request that terminated the part waits for the final's
//! lock, and terminates the final if it is pending then.
//!
//! *The server stops in the middle.* HEAD and GET of a pending final check its parts
//! again:
//!
//! | interrupted | state found | action |
//! |---|---|---|
//! | before a part knows that a final waits for it | all parts finished, eventually | assemble and finish the final |
//! | after the last part was finished | the same | the same |
//! | during the assembly | the same; the store discards what it had copied | the same |
//! | after the assembly | no longer pending, complete, not finished | the core's HEAD finishes it |
//! | after a part was terminated | a part is missing | terminate the final too |

use headers::HeaderMapExt;
use http::request::Parts;
use http::{Method, Request, Response};
use tower_service::Service;

use super::settings::{Progress, Settings, had, release};
use crate::context::{Derived, Rollback};
use crate::protocol::{Body, Concat, Error, Outcome, UploadId};
use crate::ready::call_again;

/// The inner service. It serves a request, and then the derived requests for other
/// uploads that follow from it.
pub(super) struct Inside<S> {
    service: S,
    settings: Settings,
    request: Parts,
}

/// The result of checking a pending final again.
enum CaughtUp {
    /// The final has its bytes now. Holds the response to HEAD.
    Assembled(Response<Body>),
    /// It has not. Holds the response to the request.
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
        let (finished, removed) = (outcome.finished, outcome.terminated || outcome.expired);
        let upload = outcome.upload.clone();
        if upload.is_pending() {
            return match self.request.method {
                Method::HEAD => {
                    let caught_up = self.catch_up(response, &upload.id).await;
                    caught_up.map(CaughtUp::head)
                }
                Method::GET => self.read(response, &upload.id).await,
                _ => Ok(response),
            };
        }
        let mut others = Vec::new();
        for id in upload.concat.as_ref().map_or(&[][..], Concat::awaited_by) {
            others.extend(match (removed, finished) {
                (true, _) => self.end(id, &upload.id).await?,
                (false, true) => self.complete(id).await?,
                (false, false) => None,
            });
        }
        tell(&mut response, others);
        Ok(response)
    }

    /// Completes a final after one of its parts was finished, if that was the last
    /// one.
    async fn complete(&mut self, id: &UploadId) -> Result<Option<Outcome>, S::Error> {
        let lock = self.settings.lock(&self.request, id).await;
        let Some(guard) = had(lock, id) else {
            return Ok(None);
        };
        let response = match self.settings.assemble(&self.request, id).await {
            Ok(Progress::Assembled) => Some(self.head(id).await),
            Ok(Progress::Due | Progress::Pending(_)) | Err(Error::NotFound) => None,
            Err(error) => {
                // The part is finished all the same. HEAD of the final returns the
                // error.
                tracing::warn!(%error, %id, "a final could not be assembled yet");
                None
            }
        };
        guard.release().await;
        Ok(response.transpose()?.and_then(outcome))
    }

    /// Terminates a final that waited for `part`, which was terminated.
    async fn end(&mut self, id: &UploadId, part: &UploadId) -> Result<Option<Outcome>, S::Error> {
        // At first without its lock: whoever wants the part gone may hold it.
        if !self.settings.needs(id, part).await {
            return Ok(None);
        }
        let lock = self.settings.lock_to_terminate(&self.request, id).await;
        let Some(guard) = had(lock, id) else {
            return Ok(None);
        };
        let response = match self.settings.needs(id, part).await {
            true => Some(self.discard(id).await),
            false => None,
        };
        guard.release().await;
        Ok(response.transpose()?.and_then(outcome))
    }

    /// Checks a pending final again, for a request that has not locked it yet.
    async fn catch_up(
        &mut self,
        mut response: Response<Body>,
        id: &UploadId,
    ) -> Result<CaughtUp, S::Error> {
        // Clients that poll need no lock, which may take a file.
        if let Ok(Progress::Pending(length)) = self.settings.progress(&self.request, id).await {
            // CAT-15
            if let Some(length) = length {
                response.headers_mut().typed_insert(length);
            }
            return Ok(CaughtUp::Otherwise(response));
        }
        let guard = match self.settings.lock_to_change(&self.request, id).await {
            Ok(guard) => guard,
            Err(error) => return Ok(CaughtUp::Otherwise(error.into_response())),
        };
        let caught_up = self.catch_up_locked(response, id).await;
        release(guard.into_iter().collect()).await;
        caught_up
    }

    async fn catch_up_locked(
        &mut self,
        mut response: Response<Body>,
        id: &UploadId,
    ) -> Result<CaughtUp, S::Error> {
        match self.settings.assemble(&self.request, id).await {
            Ok(Progress::Assembled) => {
                let head = self.head(id).await?;
                return Ok(CaughtUp::Assembled(head));
            }
            Ok(Progress::Due | Progress::Pending(_)) => {}
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

    /// Serves GET of a pending final.
    async fn read(
        &mut self,
        response: Response<Body>,
        id: &UploadId,
    ) -> Result<Response<Body>, S::Error> {
        match self.catch_up(response, id).await? {
            CaughtUp::Otherwise(response) => Ok(response),
            CaughtUp::Assembled(head) => {
                let mut response = self.call(Derived::Get).await?;
                tell(&mut response, outcome(head).into_iter().collect());
                Ok(response)
            }
        }
    }

    /// Terminates an upload without a client's request.
    async fn discard(&mut self, id: &UploadId) -> Result<Response<Body>, S::Error> {
        self.call(Derived::Rollback(id.clone(), Rollback::Always))
            .await
    }

    /// Sends HEAD for a final, so that the core finishes it if it is complete.
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
    /// Returns the response to HEAD.
    fn head(self) -> Response<Body> {
        match self {
            Self::Assembled(head) | Self::Otherwise(head) => head,
        }
    }
}

/// Returns the outcome of a derived request, and logs its error.
fn outcome(mut response: Response<Body>) -> Option<Outcome> {
    match response.extensions().get::<Error>() {
        Some(error) if error.status().is_server_error() => {
            tracing::warn!(%error, "a final could not be finished or terminated");
        }
        Some(error) => tracing::debug!(%error, "finishing or terminating a final was refused"),
        None => {}
    }
    response.extensions_mut().remove()
}

/// Adds the outcomes for other uploads to a response.
fn tell(response: &mut Response<Body>, others: Vec<Outcome>) {
    for other in others {
        other.record(response.extensions_mut());
    }
}
