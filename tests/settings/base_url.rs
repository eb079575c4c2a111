//! The URLs that clients get, through the whole stack.

use tower_tus::Stack;
use tower_tus::layers::base_url::BaseUrlLayer;
use tower_tus::layers::hooks::Callbacks;
use tower_tus::layers::store::MemoryStore;

use tokio::sync::mpsc;

use crate::harness::host::host;
use crate::harness::patient;
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

/// Returns the URLs of finished uploads, as a hook stores them.
async fn stored(stack: Stack, version: Version) -> (Tus, mpsc::UnboundedReceiver<String>) {
    let (sender, stored) = mpsc::unbounded_channel();
    let hooks = Callbacks::new().post_finish(move |event| {
        sender
            .send(event.url().to_str().unwrap().to_owned())
            .unwrap();
        async {}
    });
    let address = host(stack.hooks(hooks).into_service()).await;
    let tus = Tus::new(&format!("http://{address}/files/"), version);
    (tus, stored)
}

#[tokio::test]
async fn a_hook_finds_the_public_url_whatever_request_finishes_the_upload() {
    for version in [Version::Http1, Version::Http2] {
        for base_url in [
            BaseUrlLayer::from_request("/files/"),
            BaseUrlLayer::from_request("/files/").trust_forwarded(),
            BaseUrlLayer::fixed("https://x.example/api/files/"),
            BaseUrlLayer::fixed("/files/"),
        ] {
            let stack = Stack::new(MemoryStore::default()).base_url(base_url);
            let (tus, mut stored) = stored(stack, version).await;
            let create = tus.post().header("Upload-Length", 0);
            let location = tus.ask(create).await.headers()["location"].clone();
            assert_eq!(patient(stored.recv()).await.unwrap(), location, "a POST");

            let create = tus.post().header("Upload-Length", 5);
            let location = tus.ask(create).await.headers()["location"].clone();
            let id = location.to_str().unwrap().rsplit('/').next().unwrap();
            tus.append(&format!("{}{id}", tus.url), 0, content("hello"))
                .await;
            assert_eq!(patient(stored.recv()).await.unwrap(), location, "a PATCH");
        }
    }
}

#[tokio::test]
async fn without_a_base_url_a_hook_finds_the_path_of_the_upload() {
    let stack = Stack::new(MemoryStore::default());
    let (tus, mut stored) = stored(stack, Version::Http1).await;
    let url = tus.create(5).await;
    tus.append(&url, 0, content("hello")).await;
    let path = &url[url.find("/files/").unwrap()..];
    assert_eq!(patient(stored.recv()).await.unwrap(), path);
}

#[tokio::test]
async fn a_location_is_where_a_trusted_proxy_was_asked() {
    for version in [Version::Http1, Version::Http2] {
        let base_url = BaseUrlLayer::from_request("/files/").trust_forwarded();
        let url = location(&server(base_url, version).await).await;
        assert!(url.starts_with("http://a.example/files/"), "{url}");
    }
}
