//! Verifies the bytes of requests: `checksum` and `checksum-trailer`.
//!
//! A client sends the digest of its bytes in the header `Upload-Checksum`, or in a
//! trailer of that name that it announces (`Trailer: Upload-Checksum`). The layer
//! computes the digest as the bytes pass. A chunk with a checksum is stored as a
//! whole or not at all, since the layer asks the store for
//! [`WriteMode::Atomic`](crate::store::WriteMode). Nothing is stored if the digest
//! differs, or if the chunk is cut short and cannot be verified.
//!
//! | request | response |
//! |---|---|
//! | bytes that match | the same as without a checksum |
//! | bytes that do not match, or a digest of the wrong length for its algorithm | `460 ERR_CHECKSUM_MISMATCH`: the body fails at its end |
//! | a malformed or repeated header, or an unknown algorithm | `400 ERR_INVALID_CHECKSUM`, before any byte is read |
//! | a header together with an announced trailer | the same |
//! | an announced trailer that is malformed or missing | the same, at the end of the body |
//! | a trailer that names an algorithm not allowed in trailers | the same |
//! | an announced trailer beyond the limit on such requests | `503 ERR_TOO_MANY_TRAILERS` with `Retry-After`, before any byte is read |
//! | an unannounced trailer | the same as without a checksum: the trailer is ignored |
//!
//! An announced trailer names its algorithm only at its end, so several digests run
//! over such a body: those of [`ChecksumLayer::trailer_algorithms`], by default
//! `sha1`, `sha256`, `crc32` and `crc32c`, and at most 100 such requests run at once
//! ([`ChecksumLayer::max_trailers_at_once`]). Digests of large frames are computed on
//! tokio's blocking threads, while the request goes on.
//! `Tus-Checksum-Algorithm` lists the algorithms that a header may name. You can
//! [add](Algorithms::with) your own. The digests of `crc32` and `crc32c` are four
//! bytes in big-endian order.
//!
//! If [`CreationWithUpload`](crate::creation_with_upload) stands outside, its derived
//! POST has no body. The layer checks the header of that POST all the same, so that
//! no upload is created that would have to be removed again.
//!
//! Place this layer next to the core.
//!
//! # Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::checksum::ChecksumLayer;
//! use tower_tus_layers::protocol::{Body, Length, Metadata, NewUpload};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::{MemoryStore, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::default();
//! let upload = store.create(NewUpload::new(Some(Length::from(5)), Metadata::default())).await?;
//! let id = upload.info().id.clone();
//!
//! let service = ServiceBuilder::new()
//!     .layer(ChecksumLayer::new())
//!     .service(Core::new(store.clone()));
//! for (bytes, status, stored) in [("hullo", 460, ""), ("hello", 204, "hello")] {
//!     let request = Request::patch(format!("/{id}"))
//!         .header("Content-Type", "application/offset+octet-stream")
//!         .header("Upload-Offset", "0")
//!         .header("Upload-Checksum", "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=")
//!         .body(Body::from(bytes))?;
//!     let response = service.clone().oneshot(request).await?;
//!     assert_eq!(response.status(), StatusCode::from_u16(status)?);
//!     assert_eq!(store.bytes(&id).unwrap(), stored);
//! }
//! # Ok(())
//! # }
//! ```

mod algorithm;
mod algorithms;
mod beside;
mod body;
mod check;
mod claim;
mod digest;
mod layer;
mod service;
mod settings;

pub use self::algorithm::{Algorithm, Digest};
pub use self::algorithms::{Algorithms, UnknownAlgorithm};
pub use self::layer::ChecksumLayer;
pub use self::service::Checksum;
pub use crate::future::ResponseFuture;

#[cfg(test)]
mod tests;
