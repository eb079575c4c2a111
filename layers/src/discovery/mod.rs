//! OPTIONS: describes what the server supports.
//!
//! OPTIONS passes through the stack like any other request. The core and every layer
//! that implements an extension append a `Tus-Extension` line to the response
//! ([`announce`](crate::protocol::header::announce)). Discovery folds the lines into
//! one and adds `Tus-Version`, so what is announced always matches what is installed.
//! Without any line there is no header.
//!
//! # Example
//!
//! ```
//! use http::Request;
//! use tower::{ServiceBuilder, ServiceExt};
//! use tower_tus_layers::discovery::DiscoveryLayer;
//! use tower_tus_layers::protocol::Body;
//! use tower_tus_layers::service::Core;
//! use tower_tus_layers::store::MemoryStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceBuilder::new()
//!     .layer(DiscoveryLayer::new())
//!     .service(Core::new(MemoryStore::default()));
//!
//! let request = Request::options("/").body(Body::default())?;
//! let response = service.oneshot(request).await?;
//! assert_eq!(response.headers()["Tus-Version"], "1.0.0");
//! assert_eq!(
//!     response.headers()["Tus-Extension"],
//!     "creation,termination,creation-defer-length"
//! );
//! # Ok(())
//! # }
//! ```

mod future;
mod layer;
mod service;

pub use self::future::ResponseFuture;
pub use self::layer::DiscoveryLayer;
pub use self::service::Discovery;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Method, Request, Response};
    use tower::{Layer, ServiceExt, service_fn};

    use super::DiscoveryLayer;
    use crate::protocol::header::announce;

    async fn send(method: Method, tokens: &'static [&'static str]) -> Response<()> {
        let inner = service_fn(move |_: Request<()>| async move {
            let mut response = Response::new(());
            for token in tokens {
                announce(response.headers_mut(), token);
            }
            Ok::<_, Infallible>(response)
        });
        let request = Request::builder().method(method).body(()).unwrap();
        DiscoveryLayer::new()
            .layer(inner)
            .oneshot(request)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn lines_become_one_in_their_order_and_without_spaces() {
        let response = send(Method::OPTIONS, &["creation", "termination"]).await;
        let lines: Vec<_> = response.headers().get_all("tus-extension").iter().collect();
        assert_eq!(lines, ["creation,termination"]);
        assert_eq!(response.headers()["tus-version"], "1.0.0");
    }

    #[tokio::test]
    async fn no_extension_is_no_header() {
        let response = send(Method::OPTIONS, &[]).await;
        assert!(!response.headers().contains_key("tus-extension"), "CORE-12");
    }

    #[tokio::test]
    async fn other_methods_pass_untouched() {
        let response = send(Method::HEAD, &["a", "b"]).await;
        assert_eq!(
            response.headers().get_all("tus-extension").iter().count(),
            2
        );
        assert!(!response.headers().contains_key("tus-version"));
    }
}
