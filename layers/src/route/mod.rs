//! Finds the resource that a path names.
//!
//! Route strips the base path and puts the [`Target`](crate::protocol::Target)
//! into the request's [`Context`](crate::context::Context): the collection, or
//! an upload by its id. A path outside the base is used as a whole, so that a
//! framework that has already stripped a prefix (axum's `nest_service`) needs
//! no other setting. An invalid path gets `404`, a method that is not installed
//! gets `405` with an exact `Allow`, and OPTIONS passes on any path.
//!
//! If no outer layer has set a [`BaseUrl`](crate::protocol::BaseUrl), the base
//! path is used, after the
//! [prefix](crate::context::Context::stripped_prefix) that a framework has
//! stripped. A [scope](crate::context::Context::scope) is part of the id, not of
//! the path.
//!
//! # Example
//!
//! ```
//! use http::{Method, Request, StatusCode};
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::route::RouteLayer;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(RouteLayer::new("/files/", [Method::HEAD, Method::PATCH]))
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::delete("/files/some-id").body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
//! assert_eq!(response.headers()["Allow"], "OPTIONS, HEAD, PATCH");
//! # Ok(())
//! # }
//! ```

mod base_path;
mod layer;
mod service;

pub use self::base_path::BasePath;
pub use self::layer::RouteLayer;
pub use self::service::Route;
pub use crate::future::ResponseFuture;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::request::Parts;
    use http::{Method, Request, Response, StatusCode};
    use tower::{Layer, ServiceExt, service_fn};

    use super::RouteLayer;
    use crate::context::{Context, Scope, context};
    use crate::protocol::{BaseUrl, Body, Target};

    async fn echo(request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let mut response = Response::new(Body::default());
        *response.extensions_mut() = request.extensions().clone();
        Ok(response)
    }

    async fn send(method: Method, path: &str) -> Response<Body> {
        let layer = RouteLayer::new("/files/", [Method::HEAD, Method::PATCH]);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::default())
            .unwrap();
        layer
            .layer(service_fn(echo))
            .oneshot(request)
            .await
            .unwrap()
    }

    /// Returns the request that the inner service received.
    fn received(response: &Response<Body>) -> Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.extensions = response.extensions().clone();
        parts
    }

    fn base_url(response: &Response<Body>) -> BaseUrl {
        Context::base_url(&received(response))
    }

    async fn target(method: Method, path: &str) -> Option<Target> {
        let response = send(method, path).await;
        Context::target(&received(&response))
            .ok()
            .filter(|_| response.status() == StatusCode::OK)
    }

    #[tokio::test]
    async fn the_collection_is_the_base_with_and_without_its_slash() {
        for path in ["/files/", "/files", "/", "/files//", "/files/?a=b"] {
            assert_eq!(
                target(Method::POST, path).await,
                Some(Target::Collection),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn an_upload_is_what_follows_the_base() {
        for (path, id) in [
            ("/files/abc", "abc"),
            ("/files/abc/", "abc"),
            ("/files/a/b", "a/b"),
            ("/files/a%2Fb", "a/b"),
            ("/files/a%2525", "a%25"),
            ("/abc", "abc"),
            ("/filesystem", "filesystem"),
        ] {
            let expected = Target::Upload(id.parse().unwrap());
            assert_eq!(target(Method::HEAD, path).await, Some(expected), "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_no_id_is_not_found() {
        for path in [
            "/files/../secret",
            "/files/%2e%2e/secret",
            "/files/a/..%2fb",
            "/files/a.info",
            "/files/a//b",
            "/files/%ff",
            "/files/%00",
            "/files/a%20b",
        ] {
            let response = send(Method::HEAD, path).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn methods_that_are_not_installed_are_named_by_what_they_are_not() {
        for (method, path, allow) in [
            (Method::GET, "/files/", "OPTIONS, POST"),
            (Method::PATCH, "/files/", "OPTIONS, POST"),
            (Method::DELETE, "/files/abc", "OPTIONS, HEAD, PATCH"),
            (Method::POST, "/files/abc", "OPTIONS, HEAD, PATCH"),
        ] {
            let response = send(method, path).await;
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(response.headers()["allow"], allow);
        }
    }

    #[tokio::test]
    async fn options_passes_on_any_path() {
        for path in ["/files/", "/files/abc", "/files/../x", "/elsewhere"] {
            assert_eq!(send(Method::OPTIONS, path).await.status(), StatusCode::OK);
        }
    }

    async fn send_with(path: &str, set: impl FnOnce(&mut Context)) -> Response<Body> {
        let request = Request::head(path).extension(context(set));
        let service = RouteLayer::new("/files/", [Method::HEAD]).layer(service_fn(echo));
        let request = request.body(Body::default()).unwrap();
        service.oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn what_a_host_has_stripped_stands_before_the_base_path_or_in_its_place() {
        for (prefix, path, base) in [
            ("/api", "/files/a", "/api/files/"),
            ("/api/", "/a", "/api/"),
            ("/files", "/a", "/files/"),
            ("/t/al%20ice/files", "/a", "/t/al%20ice/files/"),
            ("/", "/files/a", "/files/"),
        ] {
            let response = send_with(path, |it| it.set_stripped_prefix(prefix)).await;
            assert_eq!(base_url(&response).as_str(), base, "{prefix} {path}");
        }
        let url = BaseUrl::new("/up/");
        let set = |it: &mut Context| {
            it.set_stripped_prefix("/api");
            it.set_base_url(url.clone());
        };
        assert_eq!(base_url(&send_with("/files/a", set).await), url);
    }

    #[tokio::test]
    async fn an_upload_is_looked_for_within_the_scope() {
        let scoped = |path| send_with(path, |it| it.set_scope(Scope::new("alice").unwrap()));
        for (path, id) in [
            ("/files/a", "alice/a"),
            ("/files/bob/a", "alice/bob/a"),
            ("/files/alice/a", "alice/alice/a"),
            ("/a%2Fb", "alice/a/b"),
        ] {
            let response = scoped(path).await;
            let expected = Target::Upload(id.parse().unwrap());
            assert_eq!(
                Context::target(&received(&response)),
                Ok(expected),
                "{path}"
            );
        }
        for path in ["/files/../bob/a", "/files/..%2Fbob%2Fa", "/files/%2e%2e/a"] {
            assert_eq!(scoped(path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn the_base_path_is_the_base_url_unless_one_is_there() {
        for (method, path) in [
            (Method::POST, "/files"),
            (Method::HEAD, "/files/a"),
            (Method::PATCH, "/files/a"),
        ] {
            let response = send(method, path).await;
            assert_eq!(base_url(&response), BaseUrl::new("/files/"));
        }

        let base = BaseUrl::new("https://example.com/up/");
        let request = Request::post("/files")
            .extension(context(|it| it.set_base_url(base.clone())))
            .body(Body::default());
        let service = RouteLayer::new("files", []).layer(service_fn(echo));
        let response = service.oneshot(request.unwrap()).await.unwrap();
        assert_eq!(base_url(&response), base);
    }
}
