//! CORS: allows pages of other origins to upload.
//!
//! The layer only adds headers, and never answers a request itself: OPTIONS passes
//! through it, so that a preflight request also works as discovery. Place it outside
//! [Version](crate::version) and [Detach](crate::detach), so that pages can read
//! refusals, and the response to a request that panicked. Responses that the host
//! generates do not pass this layer: hyper answers `400` to a request that it cannot
//! parse, `414` to a URI that is too long and `431` to headers that are too large,
//! and pages see a network error.
//!
//! | response to | added headers |
//! |---|---|
//! | every request | `Vary: Origin` |
//! | an allowed `Origin` | `Access-Control-Allow-Origin`, and `-Allow-Credentials` if allowed |
//! | ... with OPTIONS | `-Allow-Methods`, `-Allow-Headers`, `-Max-Age` |
//! | ... with any other method | `-Expose-Headers` |
//! | any other `Origin` | none but `Vary` |
//!
//! Every response varies by the origin, even if the request has none: a cache would
//! otherwise serve that response to a page, which could not read it. Values that
//! inner services have put into a list (`Vary`, `-Expose-Headers`, ...) are kept.
//!
//! A request from an origin that is not allowed is marked with a
//! [rejection](crate::context::Context::reject), and Version refuses it with
//! `403 ERR_ORIGIN_NOT_ALLOWED`. Without Version it passes, and the page merely
//! cannot read the response.
//!
//! # Example
//!
//! ```
//! use http::{Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::cors::CorsLayer;
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//! use tower_tus_layers::version::VersionLayer;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(CorsLayer::new().allow_origins(["https://example.com"]))
//!     .layer(VersionLayer::new())
//!     .service(Core::new(MemoryStore::default()));
//!
//! let preflight = |origin| Request::options("/").header("Origin", origin);
//! let request = preflight("https://example.com").body(Body::default())?;
//! let response = service.clone().oneshot(request).await?;
//! assert_eq!(response.headers()["Access-Control-Allow-Origin"], "https://example.com");
//!
//! let request = preflight("https://example.org").body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::FORBIDDEN);
//! # Ok(())
//! # }
//! ```

mod future;
mod layer;
mod policy;
mod service;

pub use self::future::ResponseFuture;
pub use self::layer::CorsLayer;
pub use self::service::Cors;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use http::{HeaderMap, HeaderName, Method, Request, Response};
    use tower::{Layer, ServiceExt, service_fn};

    use super::CorsLayer;
    use crate::context::Context;
    use crate::protocol::Error;

    const HERE: &str = "https://example.com";

    const GRANTS: [&str; 6] = [
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-max-age",
        "access-control-expose-headers",
    ];

    /// Returns the response to a request, with the request's extensions.
    async fn send(layer: CorsLayer, method: Method, origin: Option<&str>) -> Response<()> {
        let inner = service_fn(|request: Request<()>| async move {
            let mut response = Response::builder()
                .header("Vary", "Accept")
                .header("Access-Control-Expose-Headers", "X-Inside")
                .body(())
                .unwrap();
            *response.extensions_mut() = request.extensions().clone();
            Ok::<_, Infallible>(response)
        });
        let mut request = Request::builder().method(method).uri("/files/");
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        let request = request.body(()).unwrap();
        layer.layer(inner).oneshot(request).await.unwrap()
    }

    fn lines<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
        let lines = headers.get_all(name).iter();
        lines.map(|line| line.to_str().unwrap()).collect()
    }

    fn granted(headers: &HeaderMap) -> Vec<&'static str> {
        let from_inside = |name: &&str| lines(headers, name) == ["X-Inside"];
        let names = GRANTS
            .into_iter()
            .filter(|name| headers.contains_key(*name));
        names.filter(|name| !from_inside(name)).collect()
    }

    #[tokio::test]
    async fn a_preflight_is_told_what_it_may_do() {
        let response = send(CorsLayer::new(), Method::OPTIONS, Some(HERE)).await;
        let headers = response.headers();
        assert_eq!(
            granted(headers),
            [
                "access-control-allow-origin",
                "access-control-allow-methods",
                "access-control-allow-headers",
                "access-control-max-age",
            ]
        );
        assert_eq!(headers["access-control-allow-origin"], HERE);
        assert_eq!(
            headers["access-control-allow-methods"],
            "POST, GET, HEAD, PATCH, PUT, DELETE, OPTIONS"
        );
        assert_eq!(headers["access-control-max-age"], "86400");
        let allowed = headers["access-control-allow-headers"].to_str().unwrap();
        for name in ["Tus-Resumable", "Upload-Draft-Interop-Version"] {
            assert!(allowed.split(", ").any(|it| it == name), "{name}");
        }
    }

    #[tokio::test]
    async fn any_other_response_can_be_read() {
        for method in [Method::POST, Method::HEAD, Method::PATCH, Method::GET] {
            let response = send(CorsLayer::new(), method, Some(HERE)).await;
            let headers = response.headers();
            assert_eq!(
                granted(headers),
                [
                    "access-control-allow-origin",
                    "access-control-expose-headers",
                ]
            );
            let [inside, exposed] = lines(headers, "access-control-expose-headers")[..] else {
                panic!("what is inside is not kept: {headers:?}");
            };
            assert_eq!(inside, "X-Inside");
            for name in ["Upload-Offset", "Location", "Retry-After"] {
                assert!(exposed.split(", ").any(|it| it == name), "{name}");
            }
        }
    }

    #[tokio::test]
    async fn each_response_varies_by_the_origin_also_without_one() {
        let layer = CorsLayer::new().allow_origins([HERE]);
        for origin in [None, Some(HERE), Some("https://example.org")] {
            let response = send(layer.clone(), Method::GET, origin).await;
            assert_eq!(lines(response.headers(), "vary"), ["Accept", "Origin"]);
        }
    }

    #[tokio::test]
    async fn who_is_no_page_passes_and_gets_no_header() {
        let layer = CorsLayer::new().allow_origins([HERE]).allow_credentials();
        for method in [Method::OPTIONS, Method::POST] {
            let response = send(layer.clone(), method, None).await;
            assert!(granted(response.headers()).is_empty());
            assert!(Context::of(response.extensions()).rejection().is_none());
        }
    }

    #[tokio::test]
    async fn a_page_of_a_foreign_origin_is_marked_and_gets_no_header() {
        let layer = CorsLayer::new().allow_origins([HERE]).allow_credentials();
        for foreign in [
            "https://example.org",
            "http://example.com",
            "https://example.com:8443",
            "https://example.com.evil.example",
            "https://evil-example.com",
            "null",
            "",
        ] {
            for method in [Method::OPTIONS, Method::GET, Method::POST] {
                let response = send(layer.clone(), method, Some(foreign)).await;
                assert!(granted(response.headers()).is_empty(), "{foreign}");
                let mark = Context::of(response.extensions()).rejection();
                assert!(matches!(mark, Some(Error::OriginNotAllowed)), "{foreign}");
            }
        }
    }

    #[tokio::test]
    async fn an_origin_in_the_list_is_compared_as_browsers_write_it() {
        let layer = CorsLayer::new().allow_origins(["http://other", "HTTPS://Example.com/"]);
        let response = send(layer, Method::POST, Some(HERE)).await;
        assert_eq!(response.headers()["access-control-allow-origin"], HERE);
        assert!(Context::of(response.extensions()).rejection().is_none());
    }

    #[tokio::test]
    async fn a_closure_may_choose_by_the_whole_request() {
        let layer = CorsLayer::new().allow_origins_by(|origin, parts| {
            origin.as_bytes().ends_with(b".example.com") && parts.uri.path() == "/files/"
        });
        let response = send(layer.clone(), Method::POST, Some("https://a.example.com")).await;
        assert!(Context::of(response.extensions()).rejection().is_none());
        let response = send(layer, Method::POST, Some("https://a.example.org")).await;
        assert!(Context::of(response.extensions()).rejection().is_some());
    }

    #[tokio::test]
    async fn what_is_set_comes_after_what_is_there() {
        let layer = CorsLayer::new()
            .allow_credentials()
            .allow_methods([Method::TRACE])
            .allow_headers([HeaderName::from_static("x-token")])
            .expose_headers([HeaderName::from_static("x-total")])
            .max_age(Duration::from_millis(60_500));
        let asked = send(layer.clone(), Method::OPTIONS, Some(HERE)).await;
        let read = send(layer, Method::HEAD, Some(HERE)).await;
        let asked = |name: &str| lines(asked.headers(), name).concat();
        assert!(asked("access-control-allow-methods").ends_with(", OPTIONS, TRACE"));
        assert!(asked("access-control-allow-headers").ends_with("-Version, x-token"));
        assert_eq!(asked("access-control-max-age"), "60");
        assert_eq!(asked("access-control-allow-credentials"), "true");
        let read = |name: &str| lines(read.headers(), name).concat();
        assert!(read("access-control-expose-headers").ends_with("Retry-After, x-total"));
        assert_eq!(read("access-control-allow-credentials"), "true");
    }
}
