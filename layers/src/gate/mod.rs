//! Where a layer may look at what the core does, or say no.
//!
//! The core knows four moments of an upload, and at each asks every gate in
//! the request's [`Context`](crate::context::Context), in the order in which they were added.
//! Hooks, expiry and interim responses are gates; so is what a program of its
//! own wants to check:
//!
//! ```
//! use async_trait::async_trait;
//! use http::request::Parts;
//! use tower_tus_layers::gate::Gate;
//! use tower_tus_layers::protocol::{Error, NewUpload};
//!
//! /// Uploads need a file name.
//! #[derive(Debug)]
//! struct Named;
//!
//! #[async_trait]
//! impl Gate for Named {
//!     async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
//!         upload.metadata.get("filename").map(drop).ok_or(Error::Rejected)
//!     }
//! }
//! ```
//!
//! [`GateLayer`] puts one in front of the core.
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
use crate::protocol::{Action, BoxError, Error, NewUpload, Upload};

/// Somebody who looks at an upload at certain moments, and may say no.
///
/// `request` is the request that is being served, less its body: what outer
/// layers put into its extensions is there. A gate that waits for something
/// else has to bound the time by itself.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a gate for uploads",
    label = "needs `Gate`",
    note = "write `#[async_trait] impl Gate for ..` with the methods that you need, all of which have defaults"
)]
pub trait Gate: Debug + Send + Sync + 'static {
    /// Before an upload is made. It may change what it will be, or refuse it.
    ///
    /// # Errors
    ///
    /// What the client is to be told; nothing is made then.
    async fn creating(&self, request: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        let _ = (request, upload);
        Ok(())
    }

    /// After an upload was made.
    async fn created(&self, request: &Parts, upload: &Upload) {
        let _ = (request, upload);
    }

    /// After an upload was found and before `action` is done to it.
    ///
    /// # Errors
    ///
    /// What the client is to be told; nothing is changed then.
    async fn opened(&self, request: &Parts, upload: &Upload, action: Action) -> Result<(), Error> {
        let _ = (request, upload, action);
        Ok(())
    }

    /// After the last byte was stored, and before the client is told so.
    ///
    /// # Errors
    ///
    /// Where the gate [decides](Self::decides_completion), the client is told
    /// and the upload stays unfinished: the next HEAD or PATCH tries again.
    /// An error with a 4xx status, or one that has [`Refused`] among its sources,
    /// is the gate's own no, of which the core counts
    /// [so many](crate::service::Core::finish_attempts); any other is a failure
    /// of the gate, and is retried without a limit. Where the gate does not
    /// decide, the error is logged by a stack with the Log layer.
    async fn complete(&self, request: &Parts, upload: &Upload) -> Result<(), Error> {
        let _ = (request, upload);
        Ok(())
    }

    /// Whether an upload is finished only after [`complete`](Self::complete) has succeeded.
    fn decides_completion(&self) -> bool {
        false
    }
}

/// A gate has decided against an upload, for a reason that the client is not told:
/// to be the source of an [`Error::internal`].
#[derive(Debug)]
pub struct Refused(BoxError);

impl Refused {
    /// A decision for this reason.
    pub fn new(reason: impl Into<BoxError>) -> Self {
        Self(reason.into())
    }

    /// Whether an error is a gate's decision, and no failure of the gate.
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
