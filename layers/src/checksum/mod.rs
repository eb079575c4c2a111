//! The bytes of a request are verified: `checksum` and `checksum-trailer`.
//!
//! A client says what the digest of its bytes is, in the header
//! `Upload-Checksum`, or in a trailer of that name which it announces
//! (`Trailer: Upload-Checksum`). The bytes are digested as they pass, and a chunk
//! that carries a checksum is kept whole or not at all: it asks the store for
//! [`WriteMode::Atomic`](crate::store::WriteMode). So nothing is stored of one whose
//! digest is another, and nothing of one that is cut short, which cannot be
//! verified (CHK-14).
//!
//! | what comes | the answer |
//! |---|---|
//! | the bytes that were spoken of | as without a checksum |
//! | others, or a digest of another length than its algorithm has | `460 ERR_CHECKSUM_MISMATCH`: the body errs at its end (CHK-12) |
//! | a header that is malformed or there twice, or an algorithm that is not known | `400 ERR_INVALID_CHECKSUM`, before a byte is read |
//! | a header, and the word that a trailer comes | the same |
//! | an announced trailer that is malformed, or does not come | the same, once that is seen |
//! | a trailer with an algorithm that trailers may not name | the same |
//! | an announced trailer beyond the limit of such requests | `503 ERR_TOO_MANY_TRAILERS` with `Retry-After`, before a byte is read |
//! | a trailer that was not announced | nothing: it is not looked at |
//!
//! An announced trailer names its algorithm only at its end, so several have to
//! run over such a body: those of [`ChecksumLayer::trailer_algorithms`], by default
//! `sha1`, `sha256`, `crc32` and `crc32c`. `Tus-Checksum-Algorithm` lists the
//! algorithms that a header may name. Digests for a trailer run on tokio's threads
//! for blocking work, and at most 100 such requests run at once
//! ([`ChecksumLayer::max_trailers_at_once`]). The user's own algorithms can be
//! [added](Algorithms::with). The digests of `crc32` and
//! `crc32c` are four bytes with the highest first.
//!
//! A POST brings no bytes to this layer. Its header is verified all the same, so
//! that [`CreationWithUpload`](crate::creation_with_upload), which makes a POST
//! and a PATCH of one request, creates nothing that would have to be removed.
//!
//! It belongs next to the core.
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
