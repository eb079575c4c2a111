//! The available methods, per path.

use http::{Method, StatusCode};
use tower_tus::Stack;
use tower_tus::layers::store::MemoryStore;

use crate::harness::host::host;
use crate::harness::tus::{Tus, Version, request};

#[tokio::test]
async fn post_and_the_rest_know_their_places() {
    let address = host(Stack::new(MemoryStore::default()).into_service()).await;
    for version in [Version::Http1, Version::Http2] {
        let tus = Tus::new(&format!("http://{address}/files/"), version);
        let url = tus.create(5).await;
        for (method, url, allow) in [
            (Method::GET, &tus.url, "OPTIONS, POST"),
            (Method::PATCH, &tus.url, "OPTIONS, POST"),
            (Method::POST, &url, "OPTIONS, GET, HEAD, PATCH, DELETE"),
            (Method::PUT, &url, "OPTIONS, GET, HEAD, PATCH, DELETE"),
        ] {
            let create = request(method, url).header("Upload-Length", "5");
            let answer = tus.ask(create).await;
            assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(answer.headers()["allow"], allow);
            assert_eq!(answer.body(), "method not allowed\n");
        }
    }
}
