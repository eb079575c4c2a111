//! Terminated uploads free their storage.

use http::{Method, StatusCode};
use tempfile::TempDir;
use tower_tus::Stack;
use tower_tus::layers::store::MemoryStore;
use tower_tus::store::FileStore;

use crate::harness::host::host;
use crate::harness::tus::{Tus, Version, content, request};

/// Terminates an upload before, during and after its bytes, and checks what is
/// stored.
async fn end_in_every_state(tus: &Tus, holds: impl Fn(&str) -> bool) {
    for text in ["", "hel", "hello"] {
        let url = tus.create(5).await;
        let (_, id) = url.rsplit_once('/').unwrap();
        tus.append(&url, 0, content(text)).await;
        assert!(holds(id));
        let answer = tus.ask(request(Method::DELETE, &url)).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        assert!(!holds(id), "TERM-02");
    }
}

async fn client(stack: Stack) -> Tus {
    let address = host(stack.into_service()).await;
    Tus::new(&format!("http://{address}/files/"), Version::Http1)
}

#[tokio::test]
async fn no_file_is_left_of_an_upload_that_has_ended() {
    let home = TempDir::new().unwrap();
    let tus = client(Stack::new(FileStore::new(home.path()))).await;
    end_in_every_state(&tus, |_| home.path().read_dir().unwrap().next().is_some()).await;
}

#[tokio::test]
async fn no_memory_is_taken_by_an_upload_that_has_ended() {
    let store = MemoryStore::default();
    let tus = client(Stack::new(store.clone())).await;
    end_in_every_state(&tus, |id| store.bytes(&id.parse().unwrap()).is_some()).await;
}
