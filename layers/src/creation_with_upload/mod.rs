//! Accepts the first bytes of an upload with its creation: `creation-with-upload`.
//!
//! A POST with `Content-Type: application/offset+octet-stream` becomes two requests
//! to the inner service: a POST without a body and, once that has created an upload,
//! a PATCH of it with the body. The core needs to know nothing of this. The response
//! is that of the POST with the headers of the PATCH, among them `Upload-Offset`. If
//! the PATCH does not answer a plain `204`, its status and body replace those of the
//! POST. `Location` is kept, so that clients know where to resume.
//!
//! The core leaves the upload open between the two, unless somebody else may know it:
//! because its id was chosen, or because a gate or a hook
//! [may announce](crate::gate::Gate::may_announce) it. Then the PATCH opens it again.
//!
//! If the PATCH is refused because of its checksum, a third request removes the
//! upload, a DELETE for which no gate runs. The response is that refusal, without
//! `Location`. A store that cannot terminate uploads keeps it.
//!
//! Requests that cannot succeed are refused before anything is created: a body that
//! is known to be longer than `Upload-Length` (413), and bytes for a final upload
//! (403). A POST of any other content type passes unchanged.
//!
//! # Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::creation_with_upload::CreationWithUploadLayer;
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(CreationWithUploadLayer::new())
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::post("/")
//!     .header("Upload-Length", "11")
//!     .header("Content-Type", "application/offset+octet-stream")
//!     .body(Body::from("hello"))?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::CREATED);
//! assert_eq!(response.headers()["Upload-Offset"], "5");
//! # Ok(())
//! # }
//! ```

mod layer;
mod service;
mod split;

pub use self::layer::CreationWithUploadLayer;
pub use self::service::CreationWithUpload;
pub use crate::future::ResponseFuture;

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use bytes::Bytes;
    use futures_util::stream;
    use http::request::Builder;
    use http::{Request, Response, StatusCode};
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tower::{Layer, ServiceExt};

    use super::CreationWithUploadLayer;
    use crate::protocol::{Body, Error, NewUpload, Outcome, UploadId};
    use crate::service::Core;
    use crate::store::faulty::{Fault, Faulty};
    use crate::store::{Handle, MemoryStore, Store};

    fn post() -> Builder {
        Request::post("/").header("Content-Type", "application/offset+octet-stream")
    }

    async fn send(store: &MemoryStore, request: Request<Body>) -> Response<Body> {
        let service = CreationWithUploadLayer::new().layer(Core::new(store.clone()));
        service.oneshot(request).await.unwrap()
    }

    /// A body of unknown length.
    fn chunked(frames: &'static [Result<&'static str, Error>]) -> Body {
        let frames = frames.iter().cloned();
        let frames = frames.map(|frame| frame.map(|text| Frame::data(Bytes::from(text))));
        Body::new(StreamBody::new(stream::iter(frames)))
    }

    fn stored(store: &MemoryStore, response: &Response<Body>) -> Bytes {
        let location = response.headers()["location"].to_str().unwrap();
        store
            .bytes(&location.trim_start_matches('/').parse().unwrap())
            .unwrap()
    }

    #[tokio::test]
    async fn the_first_bytes_are_stored_with_the_creation() {
        let store = MemoryStore::default();
        let request = post()
            .header("Upload-Length", "11")
            .body("hello".into())
            .unwrap();
        let response = send(&store, request).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["upload-offset"], "5", "CWU-05, CWU-06");
        assert_eq!(stored(&store, &response), "hello");
        let outcome = response.extensions().get::<Outcome>().unwrap();
        assert!(outcome.created && !outcome.finished && outcome.received == 5);
    }

    #[tokio::test]
    async fn all_bytes_at_once_finish_the_upload() {
        let store = MemoryStore::default();
        let request = post()
            .header("Upload-Length", "5")
            .body("hello".into())
            .unwrap();
        let response = send(&store, request).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert!(response.extensions().get::<Outcome>().unwrap().finished);
    }

    #[tokio::test]
    async fn an_empty_body_of_the_type_is_told_its_offset() {
        let store = MemoryStore::default();
        for length in ["0", "5"] {
            let request = post()
                .header("Upload-Length", length)
                .body("".into())
                .unwrap();
            let response = send(&store, request).await;
            assert_eq!(response.status(), StatusCode::CREATED);
            assert_eq!(response.headers()["upload-offset"], "0", "CWU-05");
            let outcome = response.extensions().get::<Outcome>().unwrap();
            assert_eq!(outcome.finished, length == "0", "CRE-10");
        }
    }

    #[tokio::test]
    async fn a_deferred_length_takes_bytes_too() {
        let store = MemoryStore::default();
        let request = post()
            .header("Upload-Defer-Length", "1")
            .body("hello".into())
            .unwrap();
        let response = send(&store, request).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["upload-offset"], "5");
    }

    #[tokio::test]
    async fn what_cannot_succeed_creates_nothing() {
        let store = MemoryStore::default();
        let refusals = [
            (
                post().header("Upload-Length", "4"),
                StatusCode::PAYLOAD_TOO_LARGE,
            ),
            (post().header("Upload-Length", "x"), StatusCode::BAD_REQUEST),
            (post(), StatusCode::BAD_REQUEST),
            (
                post().header("Upload-Concat", "final;/a /b"),
                StatusCode::FORBIDDEN,
            ),
        ];
        for (request, status) in refusals {
            let response = send(&store, request.body("hello".into()).unwrap()).await;
            assert_eq!(response.status(), status);
            assert!(!response.headers().contains_key("location"));
        }
        assert_eq!(format!("{store:?}"), "MemoryStore { uploads: 0 }");
    }

    #[tokio::test]
    async fn of_a_chunked_body_that_is_too_long_what_fits_is_kept() {
        let store = MemoryStore::default();
        let body = chunked(&[Ok("hel"), Ok("lo")]);
        let request = post().header("Upload-Length", "4").body(body).unwrap();
        let response = send(&store, request).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(stored(&store, &response), "hell", "AMB-03");
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_leaves_the_upload_and_its_location() {
        let store = MemoryStore::default();
        let body = chunked(&[Ok("hel"), Err(Error::Interrupted)]);
        let request = post().header("Upload-Length", "5").body(body).unwrap();
        let response = send(&store, request).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(stored(&store, &response), "hel", "CWU-04");
        let outcome = response.extensions().get::<Outcome>().unwrap();
        assert!(outcome.created && outcome.received == 3);
    }

    #[tokio::test]
    async fn an_append_that_fails_in_the_store_leaves_the_upload_and_its_location() {
        for (fault, status, is_failed) in [
            (Fault::Append, StatusCode::INSUFFICIENT_STORAGE, false),
            (Fault::Finish, StatusCode::INTERNAL_SERVER_ERROR, true),
        ] {
            let store = Faulty::new(fault);
            let service = CreationWithUploadLayer::new().layer(Core::new(store.clone()));
            let request = post().header("Upload-Length", "5");
            let request = request.body("hello".into()).unwrap();
            let response = service.oneshot(request).await.unwrap();
            assert_eq!(response.status(), status);
            assert_eq!(stored(&store.store, &response), "hello");
            assert!(!response.headers().contains_key("upload-offset"));
            let outcome = response.extensions().get::<Outcome>().unwrap();
            assert!(outcome.created && !outcome.finished);
            assert_eq!(outcome.upload.is_failed(), is_failed);
        }
    }

    #[tokio::test]
    async fn amb_17_bytes_that_are_others_leave_nothing() {
        let store = MemoryStore::default();
        for error in [Error::ChecksumMismatch, Error::InvalidChecksum] {
            let status = error.status();
            let frames = [Ok(Frame::data(Bytes::from("hello"))), Err(error)];
            let body = Body::new(StreamBody::new(stream::iter(frames)));
            let request = post().header("Upload-Length", "9").body(body).unwrap();
            let response = send(&store, request).await;
            assert_eq!(response.status(), status);
            assert!(!response.headers().contains_key("location"));
            assert!(!response.headers().contains_key("upload-offset"));
            let outcome = response.extensions().get::<Outcome>().unwrap();
            assert!(outcome.created && outcome.terminated);
        }
        assert_eq!(format!("{store:?}"), "MemoryStore { uploads: 0 }");
    }

    /// A store that cannot terminate uploads.
    #[derive(Debug)]
    struct Endless(MemoryStore);

    #[async_trait]
    impl Store for Endless {
        async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
            self.0.create(new).await
        }

        async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
            self.0.open(id).await
        }
    }

    #[tokio::test]
    async fn what_cannot_be_removed_stays_and_nobody_is_told_where() {
        let store = MemoryStore::default();
        let core = Core::new(Endless(store.clone()));
        let body = chunked(&[Ok("hello"), Err(Error::ChecksumMismatch)]);
        let request = post().header("Upload-Length", "5").body(body).unwrap();
        let service = CreationWithUploadLayer::new().layer(core);
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 460);
        assert!(!response.headers().contains_key("location"));
        let outcome = response.extensions().get::<Outcome>().unwrap();
        assert!(outcome.created && !outcome.terminated);
        assert_eq!(format!("{store:?}"), "MemoryStore { uploads: 1 }");
    }

    #[tokio::test]
    async fn a_body_of_another_type_is_refused_inside_and_an_empty_one_is_not() {
        let store = MemoryStore::default();
        for (body, status) in [
            ("hello", StatusCode::UNSUPPORTED_MEDIA_TYPE),
            ("", StatusCode::CREATED),
        ] {
            let request = Request::post("/").header("Upload-Length", "5");
            let request = request.header("Content-Type", "text/plain");
            let response = send(&store, request.body(body.into()).unwrap()).await;
            assert_eq!(response.status(), status, "AMB-08");
        }
    }

    #[tokio::test]
    async fn it_announces_itself() {
        let request = Request::options("/").body(Body::default()).unwrap();
        let response = send(&MemoryStore::default(), request).await;
        let lines = response.headers().get_all("tus-extension");
        assert!(
            lines.iter().any(|line| line == "creation-with-upload"),
            "CWU-01"
        );
        assert!(lines.iter().any(|line| line == "creation"), "CWU-02");
    }
}
