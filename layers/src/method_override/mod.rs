//! `X-HTTP-Method-Override`, for clients that cannot send PATCH or DELETE.
//!
//! If the header is present, it replaces the request's method, whatever that
//! is. The layer refuses nothing, because it stands outside the layer that
//! renders errors: an unknown method is left to the layers inside, which answer
//! `405 Method Not Allowed`. A header that is empty, repeated or not a token
//! becomes the method `MALFORMED`, which no resource allows; the request's own
//! method is never used then.
//!
//! Methods are case-sensitive, like in a request line. The header is not
//! removed.
//!
//! # Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::method_override::MethodOverrideLayer;
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
//!     .layer(MethodOverrideLayer::new())
//!     .service(Core::new(store));
//!
//! let request = Request::post(format!("/{id}"))
//!     .header("X-HTTP-Method-Override", "PATCH")
//!     .header("Content-Type", "application/offset+octet-stream")
//!     .header("Upload-Offset", "0")
//!     .body(Body::from("hello"))?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::NO_CONTENT);
//! # Ok(())
//! # }
//! ```

mod layer;
mod service;

pub use self::layer::MethodOverrideLayer;
pub use self::service::MethodOverride;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{HeaderValue, Method, Request, StatusCode};
    use tower::{Layer, ServiceExt, service_fn};

    use super::MethodOverrideLayer;
    use crate::protocol::Body;
    use crate::service::Core;
    use crate::store::MemoryStore;

    /// Returns the method that the inner service sees.
    async fn method(actual: Method, overrides: &[&str]) -> Method {
        let inner = service_fn(|request: Request<()>| async move {
            Ok::<_, Infallible>(request.method().clone())
        });
        let request = with(actual, overrides).body(()).unwrap();
        MethodOverrideLayer::new()
            .layer(inner)
            .oneshot(request)
            .await
            .unwrap()
    }

    fn with(actual: Method, overrides: &[&str]) -> http::request::Builder {
        let request = Request::builder().method(actual).uri("/id");
        overrides.iter().fold(request, |request, value| {
            request.header("X-HTTP-Method-Override", *value)
        })
    }

    #[tokio::test]
    async fn core_15_the_header_is_the_method_whatever_the_actual_one() {
        for actual in [Method::GET, Method::POST, Method::PATCH, Method::OPTIONS] {
            for told in [Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS] {
                let seen = method(actual.clone(), &[told.as_str()]).await;
                assert_eq!(seen, told, "CORE-16");
            }
            assert_eq!(method(actual.clone(), &[]).await, actual);
        }
    }

    #[tokio::test]
    async fn a_method_that_nobody_knows_is_the_method_too() {
        for unknown in ["BREW", "patch", "MALFORMED"] {
            assert_eq!(method(Method::PATCH, &[unknown]).await.as_str(), unknown);
        }
    }

    #[tokio::test]
    async fn what_is_no_method_is_refused_inside_and_never_done_as_the_actual_one() {
        let core = Core::new(MemoryStore::default());
        let service = MethodOverrideLayer::new().layer(core);
        let malformed: [&[&str]; 5] = [
            &[""],
            &[" "],
            &["PA TCH"],
            &["PATCH,PATCH"],
            &["PATCH", "PATCH"],
        ];
        for overrides in malformed {
            let request = with(Method::PATCH, overrides).body(Body::default());
            let response = service.clone().oneshot(request.unwrap()).await.unwrap();
            let status = response.status();
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{overrides:?}");
        }
        let opaque = HeaderValue::from_bytes(b"\xffPATCH").unwrap();
        let request = Request::patch("/id").header("X-HTTP-Method-Override", opaque);
        let response = service.oneshot(request.body(Body::default()).unwrap());
        let status = response.await.unwrap().status();
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    }
}
