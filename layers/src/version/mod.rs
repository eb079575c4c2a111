//! The version of the protocol: `Tus-Resumable`.
//!
//! A request without `Tus-Resumable: 1.0.0` is refused with `412 Precondition
//! Failed` and `Tus-Version`, and does not reach the inner service. OPTIONS and
//! GET need no version, and HEAD needs none with
//! [`lenient`](VersionLayer::lenient). A body with a `Transfer-Encoding` other
//! than `chunked` is refused with `501 Not Implemented`, because it would be
//! stored encoded.
//!
//! Every response gets `Tus-Resumable` and `X-Content-Type-Options: nosniff`.
//! [`Render`](crate::render), further outside, writes the text of errors.
//! Layers outside do not refuse requests themselves: they mark a request with a
//! [rejection](crate::context::Context::reject), and Version refuses it,
//! whatever its method and version.
//!
//! # Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//! use tower_tus_layers::version::VersionLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(VersionLayer::new())
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::head("/some-id").body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
//! assert_eq!(response.headers()["Tus-Version"], "1.0.0");
//! # Ok(())
//! # }
//! ```

mod future;
mod layer;
mod service;

pub use self::future::ResponseFuture;
pub use self::layer::VersionLayer;
pub use self::service::Version;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http::{Method, Request, Response, StatusCode};
    use http_body_util::BodyExt;
    use tower::{ServiceBuilder, ServiceExt, service_fn};

    use super::VersionLayer;
    use crate::context::context;
    use crate::protocol::{Body, Error};

    async fn respond(_: Request<Body>) -> Result<Response<Body>, Infallible> {
        Ok(Response::new(Body::from(Bytes::from("inner"))))
    }

    async fn send(method: Method, path: &str, version: Option<&str>) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(version) = version {
            request = request.header("Tus-Resumable", version);
        }
        let service = ServiceBuilder::new()
            .layer(VersionLayer::new())
            .service(service_fn(respond));
        service
            .oneshot(request.body(Body::default()).unwrap())
            .await
            .unwrap()
    }

    async fn text(response: Response<Body>) -> Bytes {
        response.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn other_versions_are_refused_and_told_the_right_one() {
        for method in [Method::POST, Method::HEAD, Method::PATCH, Method::DELETE] {
            for version in [
                None,
                Some("0.2.2"),
                Some("99.99.99"),
                Some(""),
                Some("1.0.0,0.2.2"),
            ] {
                let response = send(method.clone(), "/", version).await;
                assert_eq!(
                    response.status(),
                    StatusCode::PRECONDITION_FAILED,
                    "CORE-08"
                );
                assert_eq!(response.headers()["tus-version"], "1.0.0", "CORE-09");
                assert_eq!(response.headers()["tus-resumable"], "1.0.0", "CORE-06");
                assert_ne!(text(response).await, "inner", "CORE-10");
            }
        }
    }

    #[tokio::test]
    async fn a_body_in_another_transfer_encoding_than_chunked_is_refused() {
        for (codings, status) in [
            (&["chunked"][..], StatusCode::OK),
            (&["Chunked"], StatusCode::OK),
            (&["gzip, chunked"], StatusCode::NOT_IMPLEMENTED),
            (&["gzip", "chunked"], StatusCode::NOT_IMPLEMENTED),
            (&["chunked", "chunked"], StatusCode::NOT_IMPLEMENTED),
            (&["identity"], StatusCode::NOT_IMPLEMENTED),
        ] {
            let mut request = Request::patch("/").header("Tus-Resumable", "1.0.0");
            for coding in codings {
                request = request.header("Transfer-Encoding", *coding);
            }
            let service = ServiceBuilder::new()
                .layer(VersionLayer::new())
                .service(service_fn(respond));
            let response = service.oneshot(request.body(Body::default()).unwrap());
            let response = response.await.unwrap();
            assert_eq!(response.status(), status, "{codings:?}");
            let closes = response.headers().contains_key("connection");
            assert_eq!(closes, status != StatusCode::OK);
        }
    }

    #[tokio::test]
    async fn options_and_get_need_no_version() {
        for method in [Method::OPTIONS, Method::GET] {
            for version in [None, Some("99.99.99")] {
                let response = send(method.clone(), "/", version).await;
                assert_eq!(response.status(), StatusCode::OK, "CORE-34");
                assert_eq!(response.headers()["tus-resumable"], "1.0.0");
            }
        }
    }

    #[tokio::test]
    async fn head_alone_needs_no_version_either_when_that_is_lenient() {
        for (method, status) in [
            (Method::HEAD, StatusCode::OK),
            (Method::PATCH, StatusCode::PRECONDITION_FAILED),
        ] {
            let service = ServiceBuilder::new()
                .layer(VersionLayer::new().lenient())
                .service(service_fn(respond));
            let request = Request::builder().method(&method).body(Body::default());
            let response = service.oneshot(request.unwrap()).await.unwrap();
            assert_eq!(response.status(), status, "{method}");
        }
    }

    #[tokio::test]
    async fn every_response_is_stamped() {
        let response = send(Method::PATCH, "/", Some("1.0.0")).await;
        assert_eq!(response.headers()["tus-resumable"], "1.0.0");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(text(response).await, "inner");
    }

    #[tokio::test]
    async fn what_a_layer_outside_marked_is_refused_before_anything_inside_sees_it() {
        for method in [Method::OPTIONS, Method::GET, Method::POST, Method::PATCH] {
            let request = Request::builder()
                .method(&method)
                .header("Tus-Resumable", "1.0.0")
                .extension(context(|it| it.reject(Error::OriginNotAllowed)));
            let inner = service_fn(|_| async { unreachable!("it is inside") });
            let response: Result<Response<Body>, Infallible> = ServiceBuilder::new()
                .layer(VersionLayer::new())
                .service(inner)
                .oneshot(request.body(Body::default()).unwrap())
                .await;
            let response = response.unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{method}");
            assert_eq!(response.headers()["tus-resumable"], "1.0.0", "CORE-06");
            let error = response.extensions().get();
            assert!(matches!(error, Some(Error::OriginNotAllowed)));
        }
    }
}
