//! Puts the stack in front of another service: [`TusLayer`].
#![cfg_attr(feature = "axum", doc = "")]
#![cfg_attr(feature = "axum", doc = include_str!("../../docs/mounting.md"))]

mod body;
mod future;
pub(crate) mod host;
mod layer;
mod service;

pub use self::body::{BodyError, ResponseBody};
pub use self::future::ResponseFuture;
pub use self::layer::TusLayer;
pub use self::service::TusMount;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http::{Method, Request, Response};
    use http_body_util::Full;
    use tower::{Layer, ServiceExt, service_fn};
    use tower_tus_layers::store::MemoryStore;

    use crate::{Stack, TusLayer};

    async fn app(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
        let response = Response::builder().header("x-app", "1");
        Ok(response
            .body(Full::default())
            .expect("the response is well formed"))
    }

    /// Whether the stack handles a request, rather than the inner service.
    async fn takes(layer: TusLayer, method: Method, uri: &str) -> bool {
        let request = Request::builder().method(method).uri(uri);
        let request = request
            .body(Full::default())
            .expect("the request is well formed");
        let Ok(response) = layer.layer(service_fn(app)).oneshot(request).await;
        !response.headers().contains_key("x-app")
    }

    #[tokio::test]
    async fn it_takes_what_is_below_the_base_path_for_every_method() {
        for method in [Method::OPTIONS, Method::GET, Method::POST, Method::PATCH] {
            for (uri, taken) in [
                ("/files", true),
                ("/files/", true),
                ("/files/abc?x=y", true),
                ("/filesystem", false),
                ("/file", false),
                ("/", false),
                ("/other/files/", false),
                ("/%66iles/abc", false),
            ] {
                let layer = TusLayer::new(MemoryStore::default());
                assert_eq!(
                    takes(layer, method.clone(), uri).await,
                    taken,
                    "{method} {uri}"
                );
            }
        }
    }

    #[tokio::test]
    async fn the_root_takes_everything() {
        for uri in ["/", "/abc", "/files/abc"] {
            let layer = Stack::new(MemoryStore::default())
                .base_path("/")
                .into_layer();
            assert!(takes(layer, Method::GET, uri).await, "{uri}");
        }
    }
}
