//! Checks of your own while the core works on an upload.
//!
//! The core calls every gate in the request's
//! [`Context`](crate::context::Context) at four moments of an upload, in the
//! order in which the gates were added. Hooks and the Log layer are built on
//! gates. Your program can use them to run its own checks and to refuse a
//! request with any [`Error`], for example a
//! [`Rejection`](crate::protocol::Rejection) with its own status and headers:
//!
//! ```
//! use async_trait::async_trait;
//! use http::header::WWW_AUTHENTICATE;
//! use http::request::Parts;
//! use http::{HeaderValue, StatusCode};
//! use tower_tus_layers::gate::Gate;
//! use tower_tus_layers::protocol::{Error, NewUpload, Rejection};
//!
//! /// Uploads need a token.
//! #[derive(Debug)]
//! struct SignedIn;
//!
//! #[async_trait]
//! impl Gate for SignedIn {
//!     async fn creating(&self, request: &Parts, _: &mut NewUpload) -> Result<(), Error> {
//!         if request.headers.contains_key("Authorization") {
//!             return Ok(());
//!         }
//!         Err(Rejection::new(StatusCode::UNAUTHORIZED)
//!             .with_code("ERR_UNAUTHORIZED")
//!             .with_text("sign in first")
//!             .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
//!             .into())
//!     }
//! }
//! ```
//!
//! [`GateLayer`] puts a gate in front of the core. Gates run inside the lock.
//! To refuse a request before it can interrupt an upload, call
//! [`Context::reject`](crate::context::Context::reject) in a layer further
//! outside.
//!
//! # The layer
//!
//! Puts a [`Gate`] in front of the core.
//!
//! ## Example
//!
//! ```
//! use async_trait::async_trait;
//! use http::request::Parts;
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::gate::Gate;
//! use tower_tus_layers::gate::GateLayer;
//! use tower_tus_layers::protocol::{Body, Error, NewUpload};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! #[derive(Debug)]
//! struct Named;
//!
//! #[async_trait]
//! impl Gate for Named {
//!     async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
//!         upload.metadata.get("filename").map(drop).ok_or(Error::Rejected)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(GateLayer::new(Named))
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::post("/").header("Upload-Length", "5").body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::BAD_REQUEST);
//! # Ok(())
//! # }
//! ```
mod layer;
mod pointer;
mod service;

use std::error::Error as StdError;
use std::fmt::{self, Debug};

use async_trait::async_trait;
use http::request::Parts;

pub use self::layer::GateLayer;
pub use self::service::GateService;
use crate::protocol::{Action, BoxError, Error, NewUpload, ResponseOverride, Upload};

/// Observes an upload at four moments, and may refuse the request.
///
/// `request` is the current request without its body, including the extensions
/// that outer layers have set. A gate that waits for something else must set
/// its own time limit.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gate for uploads",
    label = "needs `Gate`",
    note = "write `#[async_trait] impl Gate for ..` with the methods that you need, all of which have defaults"
)]
pub trait Gate: Debug + Send + Sync + 'static {
    /// Runs before an upload is created. It may change the upload, or refuse it.
    ///
    /// # Errors
    ///
    /// Returns the response to send to the client; nothing is created.
    async fn creating(&self, request: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        let _ = (request, upload);
        Ok(())
    }

    /// Runs after an upload has been created.
    async fn created(&self, request: &Parts, upload: &Upload) {
        let _ = (request, upload);
    }

    /// Runs after an upload has been opened and before `action` is applied to
    /// it.
    ///
    /// # Errors
    ///
    /// Returns the response to send to the client; nothing is changed.
    async fn opened(&self, request: &Parts, upload: &Upload, action: Action) -> Result<(), Error> {
        let _ = (request, upload, action);
        Ok(())
    }

    /// Runs after the last byte has been stored and before the response is
    /// sent.
    ///
    /// # Errors
    ///
    /// If the gate [decides](Self::decides_completion), the error is the
    /// response to the client, and the upload stays unfinished: the next HEAD
    /// or PATCH tries again. An error with a 4xx status, or with [`Refused`]
    /// among its sources, counts as a decision of the gate; the core allows
    /// [a limited number](crate::service::Core::finish_attempts) of them. Any
    /// other error counts as a failure of the gate, and the number of retries
    /// is unlimited. If the gate does not decide, the error is only logged, and
    /// only in a stack with the Log layer.
    async fn complete(&self, request: &Parts, upload: &Upload) -> Result<(), Error> {
        let _ = (request, upload);
        Ok(())
    }

    /// Returns how to change the response to the request that finishes the upload.
    /// Runs after [`complete`](Self::complete) has succeeded, if this gate
    /// [decides](Self::decides_completion); changes nothing by default.
    ///
    /// The answer is stored with the record that the upload is finished, if the
    /// store [keeps](crate::store::Handle::record_finished) answers and this one has
    /// at most 64 KiB. A client that has lost the response gets it again when it
    /// repeats its last PATCH, and HEAD returns its headers.
    fn answer(&self, request: &Parts, upload: &Upload) -> ResponseOverride {
        let _ = (request, upload);
        ResponseOverride::default()
    }

    /// Returns whether this gate may let others know of a new upload before the
    /// client knows it; `true` by default.
    ///
    /// If no gate does, nobody can ask for the upload of a creation that brings
    /// its first bytes until these are stored. The upload then stays open in
    /// between, and other processes are not locked out
    /// ([`Locker::acquire_new`](crate::lock::Locker::acquire_new)), which is
    /// faster.
    fn may_announce(&self) -> bool {
        true
    }

    /// Returns whether an upload is finished only after
    /// [`complete`](Self::complete) has succeeded; `false` by default.
    fn decides_completion(&self) -> bool {
        false
    }
}

/// Marks an error as a decision of a gate rather than a failure, whatever its
/// status. Use it as the source of an [`Error::internal`], or of a
/// [`Rejection`](crate::protocol::Rejection) with a 5xx status. Its reason is
/// not sent to the client.
#[derive(Debug)]
pub struct Refused(BoxError);

impl Refused {
    /// Creates a decision with this reason, which is only logged.
    pub fn new(reason: impl Into<BoxError>) -> Self {
        Self(reason.into())
    }

    /// Returns whether an error is a gate's decision rather than its failure.
    pub(crate) fn is_behind(error: &Error) -> bool {
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(error) = next {
            if error.is::<Self>() {
                return true;
            }
            next = error.source();
        }
        error.status().is_client_error()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Refused {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
