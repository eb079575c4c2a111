//! Where a client is told to go on, through the whole stack.

use tower_tus::Stack;
use tower_tus::layers::base_url::BaseUrlLayer;
use tower_tus::layers::store::MemoryStore;

use crate::harness::host::host;
use crate::harness::tus::{Tus, Version, content};

async fn server(base_url: BaseUrlLayer, version: Version) -> Tus {
    let stack = Stack::new(MemoryStore::default()).base_url(base_url);
    let address = host(stack.into_service()).await;
    Tus::new(&format!("http://{address}/files/"), version)
}

async fn location(tus: &Tus) -> String {
    let create = tus.post().header("Upload-Length", 5);
    let answer = tus
        .ask(create.header("X-Forwarded-Host", "a.example"))
        .await;
    answer.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn cre_15_a_location_is_on_the_server_that_was_asked() {
    for version in [Version::Http1, Version::Http2] {
        let tus = server(BaseUrlLayer::from_request("/files/"), version).await;
        let url = location(&tus).await;
        assert!(url.starts_with(&tus.url), "{url}");
        tus.append(&url, 0, content("hello")).await;
        assert_eq!(tus.offset(&url).await, 5);
    }
}

#[tokio::test]
async fn a_location_is_where_a_trusted_proxy_was_asked() {
    for version in [Version::Http1, Version::Http2] {
        let base_url = BaseUrlLayer::from_request("/files/").trust_forwarded();
        let url = location(&server(base_url, version).await).await;
        assert!(url.starts_with("http://a.example/files/"), "{url}");
    }
}
