//! Requests that are not for uploads reach the application.

use http::{Method, Request, StatusCode};
use tower_tus::Stack;
use tower_tus::layers::store::MemoryStore;

use crate::host;
use crate::tus::chunked;

#[tokio::test]
async fn another_path_goes_to_the_service_behind_the_layer() {
    for host in host::layers() {
        let peer = host.host(Stack::new(MemoryStore::default()));
        for method in [Method::POST, Method::PATCH, Method::OPTIONS] {
            let request = Request::builder().method(&method).uri("/filesystem");
            let body = chunked(&["hel", "lo"]);
            let answer = peer.send(request.body(body).unwrap()).await;
            assert_eq!(answer.status(), StatusCode::OK, "{host}: {method}");
            assert_eq!(answer.body(), "hello", "{host}: {method}");
            let stamped = answer.headers().contains_key("tus-resumable");
            assert!(!stamped, "{host}: {method}");
        }
    }
}
