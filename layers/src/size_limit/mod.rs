//! Limits the size of uploads.
//!
//! | request | result |
//! |---|---|
//! | `Upload-Length` above the maximum, on POST or PATCH | `413 ERR_MAX_SIZE_EXCEEDED`, before anything is created |
//! | a body that is known to exceed it | the same, before a byte is read; for PATCH after all other checks |
//! | a body of unknown length | cut at the maximum: the bytes up to it are kept, and the response is the same |
//!
//! The body of a PATCH begins at `Upload-Offset`, and that of a POST at 0.
//! Therefore the maximum also applies to uploads with a deferred length, and to
//! those created before it was set. Invalid lengths and offsets are left to the
//! inner service. OPTIONS announces the maximum as `Tus-Max-Size`.
//!
//! The layer checks the head of each request, and puts the maximum into the
//! request's [`Context`](crate::context::Context). The core cuts bodies there,
//! and Concatenation compares the size of finals.
//!
//! The maximum is the same for all requests, or depends on the request
//! ([`SizeLimitLayer::by`]). An outer layer may also set a maximum in the context,
//! for example one for the authenticated user; the lower of the two applies. For
//! unlimited uploads, leave the layer out.
//!
//! Place the layer outside [`CreationWithUpload`](crate::creation_with_upload),
//! so that an upload that is too large is refused before it is created.
//!
//! # Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::size_limit::SizeLimitLayer;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(SizeLimitLayer::new(1_000))
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::post("/").header("Upload-Length", "1001").body(Body::default())?;
//! let response = service.clone().oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
//!
//! let request = Request::options("/").body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.headers()["Tus-Max-Size"], "1000");
//! # Ok(())
//! # }
//! ```

mod layer;
mod limit;
mod service;

pub use self::layer::SizeLimitLayer;
pub use self::service::SizeLimit;
pub use crate::future::ResponseFuture;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;
    use http::request::{Builder, Parts};
    use http::{Method, Request, Response, StatusCode};
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tower::{Layer, ServiceExt};

    use super::SizeLimitLayer;
    use crate::context::context;
    use crate::protocol::{Body, Error, Outcome};
    use crate::service::Core;
    use crate::store::MemoryStore;

    const TOO_LARGE: StatusCode = StatusCode::PAYLOAD_TOO_LARGE;

    /// Sends a request to a server with a limit of ten bytes.
    async fn send(store: &MemoryStore, request: Request<Body>) -> Response<Body> {
        let service = SizeLimitLayer::new(10).layer(Core::new(store.clone()));
        service.oneshot(request).await.unwrap()
    }

    fn typed(request: Builder) -> Builder {
        request.header("Content-Type", "application/offset+octet-stream")
    }

    fn empty(request: Builder) -> Request<Body> {
        request.body(Body::default()).unwrap()
    }

    /// A body of unknown length.
    fn chunked(frames: &'static [&'static str]) -> Body {
        let frames = frames.iter().copied().map(Bytes::from);
        let frames = frames.map(|data| Ok::<_, Error>(Frame::data(data)));
        Body::new(StreamBody::new(stream::iter(frames)))
    }

    fn code(response: &Response<Body>) -> &'static str {
        response.extensions().get::<Error>().map_or("", Error::code)
    }

    fn location(response: &Response<Body>) -> &str {
        response.headers()["location"].to_str().unwrap()
    }

    fn stored(store: &MemoryStore, path: &str) -> Bytes {
        store.bytes(&path[1..].parse().unwrap()).unwrap()
    }

    async fn deferred(store: &MemoryStore) -> String {
        let request = Request::post("/").header("Upload-Defer-Length", "1");
        let created = send(store, empty(request)).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        location(&created).to_owned()
    }

    async fn append(store: &MemoryStore, path: &str, offset: u64, body: Body) -> Response<Body> {
        let request = typed(Request::patch(path)).header("Upload-Offset", offset);
        send(store, request.body(body).unwrap()).await
    }

    #[tokio::test]
    async fn cre_13_a_length_above_the_maximum_makes_nothing() {
        let store = MemoryStore::default();
        for (length, status) in [
            ("0", StatusCode::CREATED),
            ("10", StatusCode::CREATED),
            ("11", TOO_LARGE),
            ("9223372036854775807", TOO_LARGE),
            ("9223372036854775808", StatusCode::BAD_REQUEST),
            ("-1", StatusCode::BAD_REQUEST),
        ] {
            let request = Request::post("/").header("Upload-Length", length);
            let response = send(&store, empty(request)).await;
            assert_eq!(response.status(), status, "{length}");
            if status == TOO_LARGE {
                assert_eq!(code(&response), "ERR_MAX_SIZE_EXCEEDED");
            }
        }
        assert_eq!(format!("{store:?}"), "MemoryStore { uploads: 2 }");
    }

    #[tokio::test]
    async fn def_04_a_length_that_comes_later_is_held_against_the_maximum_too() {
        let store = MemoryStore::default();
        let path = deferred(&store).await;
        for (length, status) in [("11", TOO_LARGE), ("10", StatusCode::NO_CONTENT)] {
            let request = typed(Request::patch(&path))
                .header("Upload-Offset", "0")
                .header("Upload-Length", length);
            let response = send(&store, empty(request)).await;
            assert_eq!(response.status(), status, "{length}");
        }
    }

    #[tokio::test]
    async fn of_a_deferred_length_what_is_known_to_be_too_much_is_refused_unread() {
        let store = MemoryStore::default();
        let path = deferred(&store).await;
        let response = append(&store, &path, 0, "hello world".into()).await;
        assert_eq!(response.status(), TOO_LARGE);
        assert_eq!(stored(&store, &path), "");

        append(&store, &path, 0, "hello".into()).await;
        let response = append(&store, &path, 10, "world".into()).await;
        assert_eq!(response.status(), StatusCode::CONFLICT, "CORE-25");
        for (body, status) in [
            (" world", TOO_LARGE),
            ("world", StatusCode::NO_CONTENT),
            ("", StatusCode::CONFLICT),
        ] {
            let response = append(&store, &path, 5, body.into()).await;
            assert_eq!(response.status(), status, "{body:?}");
        }
        assert_eq!(stored(&store, &path), "helloworld");
    }

    #[tokio::test]
    async fn of_a_deferred_length_what_nobody_knows_is_cut_at_the_maximum() {
        let store = MemoryStore::default();
        let path = deferred(&store).await;
        append(&store, &path, 0, chunked(&["he", "llo"])).await;
        let response = append(&store, &path, 5, chunked(&[" wo", "rld", "!"])).await;
        assert_eq!(response.status(), TOO_LARGE);
        assert_eq!(code(&response), "ERR_MAX_SIZE_EXCEEDED");
        assert_eq!(stored(&store, &path), "hello worl");
        assert_eq!(
            response.extensions().get::<Outcome>().unwrap().received,
            5,
            "what fits is kept"
        );

        let response = append(&store, &path, 10, chunked(&["", "d"])).await;
        assert_eq!(response.status(), TOO_LARGE);
        let response = append(&store, &path, 10, chunked(&[""])).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
    }

    #[tokio::test]
    async fn bytes_of_another_type_are_for_those_inside_to_refuse_or_to_ignore() {
        let store = MemoryStore::default();
        let post = || Request::post("/").header("Upload-Length", "5");
        let form = || Body::from("more bytes than fit");
        let response = send(&store, post().body(form()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);

        let lenient = SizeLimitLayer::new(10).layer(Core::new(store).lenient());
        let response = lenient.oneshot(post().body(form()).unwrap()).await;
        assert_eq!(response.unwrap().status(), StatusCode::CREATED);
    }

    #[tokio::test]
    async fn a_creation_that_is_known_to_bring_too_many_bytes_is_refused() {
        let store = MemoryStore::default();
        let request = typed(Request::post("/")).header("Upload-Defer-Length", "1");
        let response = send(&store, request.body(Body::from("hello world")).unwrap()).await;
        assert_eq!(code(&response), "ERR_MAX_SIZE_EXCEEDED");
    }

    #[tokio::test]
    async fn a_maximum_may_be_looked_up() {
        let layer = SizeLimitLayer::by_async(|request| {
            let user = request.headers.get("x-user").cloned();
            async move {
                tokio::task::yield_now().await;
                match user {
                    Some(user) if user == "alice" => Ok(Some(20)),
                    Some(_) => Err(Error::NotFound),
                    None => Ok(Some(10)),
                }
            }
        });
        let service = layer.layer(Core::new(MemoryStore::default()));
        for (user, status) in [
            (None, TOO_LARGE),
            (Some("alice"), StatusCode::CREATED),
            (Some("bob"), StatusCode::NOT_FOUND),
        ] {
            let mut request = Request::post("/").header("Upload-Length", "15");
            if let Some(user) = user {
                request = request.header("x-user", user);
            }
            let response = service.clone().oneshot(empty(request)).await.unwrap();
            assert_eq!(response.status(), status, "{user:?}");
        }
        let response = service.oneshot(empty(Request::options("/"))).await.unwrap();
        assert_eq!(response.headers()["tus-max-size"], "10", "CORE-13");
    }

    #[tokio::test]
    async fn a_lower_maximum_that_an_outer_layer_has_set_counts() {
        for limit in [Some(10), None] {
            let by_async = SizeLimitLayer::by_async(move |_| async move { Ok(limit) });
            for layer in [SizeLimitLayer::by(move |_| limit), by_async] {
                let service = layer.layer(Core::new(MemoryStore::default()));
                for (length, status) in [(5, StatusCode::CREATED), (6, TOO_LARGE)] {
                    let request = Request::post("/")
                        .header("Upload-Length", length)
                        .extension(context(|it| it.set_max_size(5)));
                    let response = service.clone().oneshot(empty(request)).await.unwrap();
                    assert_eq!(response.status(), status, "{length} with {limit:?}");
                }
                let request = Request::options("/").extension(context(|it| it.set_max_size(5)));
                let response = service.oneshot(empty(request)).await.unwrap();
                assert_eq!(response.headers()["tus-max-size"], "5");
            }
        }
    }

    #[tokio::test]
    async fn core_14_options_tells_the_maximum_and_nothing_else_does() {
        let store = MemoryStore::default();
        let response = send(&store, empty(Request::options("/"))).await;
        assert_eq!(response.headers()["tus-max-size"], "10", "CORE-13");
        let request = Request::post("/").header("Upload-Length", "5");
        let response = send(&store, empty(request)).await;
        assert!(!response.headers().contains_key("tus-max-size"));
    }

    #[tokio::test]
    async fn each_request_may_have_a_maximum_of_its_own() {
        let limit = |parts: &Parts| match parts.headers.get("x-plan")?.to_str() {
            Ok("small") => Some(5),
            _ => Some(50),
        };
        let service = SizeLimitLayer::by(limit).layer(Core::new(MemoryStore::default()));
        for (plan, told, status) in [
            (Some("small"), Some("5"), TOO_LARGE),
            (Some("large"), Some("50"), StatusCode::CREATED),
            (None, None, StatusCode::CREATED),
        ] {
            let request = |method| {
                let request = Request::builder().method(method).uri("/");
                let request = request.header("Upload-Length", "6");
                empty(
                    plan.iter()
                        .fold(request, |request, plan| request.header("x-plan", *plan)),
                )
            };
            let asked = service.clone().oneshot(request(Method::OPTIONS));
            let answer = asked.await.unwrap();
            let max = answer.headers().get("tus-max-size");
            assert_eq!(max.map(|max| max.to_str().unwrap()), told);
            let created = service.clone().oneshot(request(Method::POST));
            assert_eq!(created.await.unwrap().status(), status, "{plan:?}");
        }
    }
}
