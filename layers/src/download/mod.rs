//! GET: serves the bytes stored of an upload, whole or in part.
//!
//! The layer takes no lock. A response contains what was stored when its request
//! arrived, even if the upload grows or is terminated meanwhile. Of an unfinished
//! upload it serves the bytes stored so far, unless
//! [`only_finished`](DownloadLayer::only_finished), or a gate that [decides on
//! completion](crate::gate::Gate::decides_completion), refuses that with
//! `400 ERR_INCOMPLETE_UPLOAD`. tus itself does not define GET, so nothing is
//! announced and no version is required.
//!
//! | request | response |
//! |---|---|
//! | no `Range`, or one that is malformed or too large (below) | `200`, all bytes |
//! | one range | `206`, with `Content-Range` |
//! | up to 32 ranges | `206`, as `multipart/byteranges` |
//! | only ranges beyond the end | `416`, with the length in `Content-Range` |
//! | `If-Range` with validators of other bytes | `200`, all bytes |
//! | `If-Match`, `If-Unmodified-Since` that fail | `412` |
//! | `If-None-Match`, `If-Modified-Since` that fail | `304` |
//! | any, for a finished upload that has a [URL of its own](crate::store::Content::redirect) | `307`, with `Location` |
//!
//! A `Range` is too large if it has more than 32 ranges, or if several ranges
//! together have more bytes than the upload.
//!
//! The client chose the type and the name of the upload, so browsers get them in a
//! harmless form:
//!
//! * `Content-Type` is the metadata's `filetype` if that is a media type of at most
//!   256 bytes, and `application/octet-stream` otherwise. Scripts are sent as
//!   `text/plain`.
//! * `Content-Disposition` is `inline`, with `Content-Security-Policy: sandbox`, for
//!   a few types that browsers display without running anything, and `attachment` for
//!   all others. It contains the metadata's `filename` without its path, control
//!   characters and bidirectional controls.
//! * `X-Content-Type-Options` is `nosniff`.
//!
//! If the store has [headers](crate::store::Content::headers) that the operator chose for the
//! upload, they are used instead of the metadata. An upload that browsers show, rather than
//! save, is shown in the sandbox.
//!
//! The `ETag` is strong, and changes when the upload grows or is created again. If
//! reading fails in the middle, the body ends with the error, which the host must
//! pass on to the client by aborting the transfer.
//!
//! Every response for an existing upload has the headers of HEAD: `Upload-Offset`,
//! `Upload-Length` or `Upload-Defer-Length`, `Upload-Metadata` and `Upload-Concat`,
//! so that a cache that requests by GET can answer HEAD. It is `no-store` while the
//! upload is unfinished, and whenever the request has `Tus-Resumable`, which
//! [`cached_head`](crate::cached_head) answers.
//!
//! Memory and open files are limited for all downloads together, since a client may
//! read nothing of what it requested. A download starts with pieces of 8 KiB, which
//! grow to 256 KiB as the client reads them. All pieces above 8 KiB together stay
//! below 16 MiB. No download waits for them: if none is available, it continues with
//! small ones. The source is closed with the last byte. Beyond
//! [`max_open`](DownloadLayer::max_open) downloads at once, GET answers
//! `503 ERR_TOO_MANY_DOWNLOADS` with `Retry-After`.
//!
//! Gates run with [`Action::Read`](crate::protocol::Action::Read).
//!
//! If the store has no [`reader`](crate::store::Store::reader), GET passes to the
//! inner service like every other method.
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use http::{Request, StatusCode};
//! use http_body_util::BodyExt;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::download::DownloadLayer;
//! use tower_tus_layers::protocol::{Body, Chunk, Length, Metadata, NewUpload};
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::{AppendOptions, MemoryStore, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::default();
//! let service = ServiceBuilder::new()
//!     .layer(DownloadLayer::new(Arc::new(store.clone())))
//!     .service(Core::new(store.clone()));
//!
//! let metadata = Metadata::from_pairs([("filename", "hello.txt"), ("filetype", "text/plain")])?;
//! let mut upload = store.create(NewUpload::new(Some(Length::from(11)), metadata)).await?;
//! let mut body = Body::from("hello world");
//! drop(upload.append(Chunk::new(&mut body), AppendOptions::default()).await);
//!
//! let request = Request::get(format!("/{}", upload.info().id)).header("Range", "bytes=6-");
//! let response = service.oneshot(request.body(Body::default())?).await?;
//! assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
//! let headers = response.headers();
//! assert_eq!(headers["Content-Range"], "bytes 6-10/11");
//! assert_eq!(headers["Content-Disposition"], "inline; filename=\"hello.txt\"");
//! assert_eq!(response.into_body().collect().await?.to_bytes(), "world");
//! # Ok(())
//! # }
//! ```

mod body;
mod budget;
mod disposition;
mod layer;
mod media_type;
mod range;
mod redirect;
mod representation;
mod service;
mod validators;

pub use self::layer::DownloadLayer;
pub use self::service::Download;
pub use crate::future::ResponseFuture;

#[cfg(test)]
mod tests;
