//! GET: what is stored of an upload, whole or in part.
//!
//! It takes no lock, and an upload that grows meanwhile, or is ended, does not
//! change what a request gives out: that is what was stored when it came. Of an
//! unfinished upload this is what there is, unless
//! [`only_finished`](DownloadLayer::only_finished), or a gate that
//! [decides on completion](crate::gate::Gate::decides_completion), refuses it with
//! `400 ERR_INCOMPLETE_UPLOAD`. tus itself knows no GET: nothing is announced,
//! and no version asked for.
//!
//! | what a client asks for | what it gets |
//! |---|---|
//! | no `Range`, or one that is malformed or asks for more than there is | `200`, all bytes |
//! | a range | `206`, with `Content-Range` |
//! | up to 32 ranges | `206`, as `multipart/byteranges` |
//! | what is beyond the end | `416`, with the length in `Content-Range` |
//! | `If-Range` with validators of other bytes | `200`, all bytes |
//! | `If-Match`, `If-Unmodified-Since` that do not hold | `412` |
//! | `If-None-Match`, `If-Modified-Since` that do not hold | `304` |
//!
//! The client chose the type and the name of the upload, so browsers get them in a
//! form that does no harm (CRE-06):
//!
//! * `Content-Type` is the metadata's `filetype` where that is a media type of at
//!   most 256 bytes, and `application/octet-stream` otherwise. Scripts are sent as
//!   `text/plain`.
//! * `Content-Disposition` is `inline` for a few types that browsers show without
//!   running anything, with `Content-Security-Policy: sandbox`, and `attachment` for
//!   all others. It has the metadata's `filename` without its path, control
//!   characters and bidirectional controls.
//! * `X-Content-Type-Options` is `nosniff`.
//!
//! The `ETag` is strong, and another one when the upload has grown or was made
//! again. An error in the middle of the bytes ends the body with it, which the
//! host has to tell the client by breaking the transfer.
//!
//! Each answer that reaches an upload has what HEAD tells of it: `Upload-Offset`,
//! `Upload-Length` or `Upload-Defer-Length`, `Upload-Metadata` and
//! `Upload-Concat`, so that a cache which asks by GET can answer HEAD. No cache
//! stores it (`no-store`) while the upload is unfinished, nor where the request
//! has `Tus-Resumable`, which [`cached_head`](crate::cached_head) answers.
//!
//! Memory and open files are limited for all downloads together, since a client
//! may read nothing of what it asked for. A download starts with pieces of
//! 8 KiB, which grow to 256 KiB as the client takes them; all grown pieces
//! together stay below 16 MiB, and nobody waits for them: a download that finds
//! no room goes on with small ones. What it reads from is closed with the last
//! byte. Beyond [`max_open`](DownloadLayer::max_open) downloads at once, GET
//! answers `503 ERR_TOO_MANY_DOWNLOADS` with `Retry-After`.
//!
//! Gates are asked with [`Action::Read`](crate::protocol::Action::Read).
//!
//! Where the store has no [`reader`](crate::store::Store::reader), GET goes inwards
//! like every other method.
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
mod representation;
mod service;
mod validators;

pub use self::layer::DownloadLayer;
pub use self::service::Download;
pub use crate::future::ResponseFuture;

#[cfg(test)]
mod tests;
