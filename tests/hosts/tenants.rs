//! Below `/t/{tenant}/files`, no tenant can reach the uploads of another.

use axum::Router;
use axum::middleware::from_fn;
use http::{Method, StatusCode};
use tower_tus::Stack;
use tower_tus::layers::hooks::{Callbacks, Reply};
use tower_tus::layers::store::MemoryStore;

use crate::host::{Peer, routed};
use crate::mounts::{VERSIONS, own_uploads};
use crate::tus::{Answer, content, patch, request};

fn router(stack: Stack) -> Router {
    let uploads = Router::new()
        .nest_service("/files", stack.into_service())
        .layer(from_fn(own_uploads));
    Router::new().nest("/t/{tenant}", uploads)
}

fn peers() -> Vec<(String, Peer)> {
    let named = VERSIONS.into_iter().flat_map(|version| {
        let router = router(Stack::new(MemoryStore::default()));
        routed(&router, version).map(|(host, peer)| (format!("{host} in {version:?}"), peer))
    });
    named.collect()
}

async fn send(peer: &Peer, request: http::request::Builder, bytes: &'static str) -> Answer {
    peer.send(request.body(content(bytes)).unwrap()).await
}

/// Creates a finished upload, and returns its URL.
async fn create(peer: &Peer, tenant: &str, concat: Option<&str>) -> String {
    let mut post = request(Method::POST, &format!("/t/{tenant}/files"))
        .header("Upload-Length", 5)
        .header("Content-Type", "application/offset+octet-stream");
    if let Some(concat) = concat {
        post = post.header("Upload-Concat", concat);
    }
    let created = send(peer, post, "hello").await;
    assert_eq!(created.status(), StatusCode::CREATED, "{tenant}");
    created.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_tenant_reaches_no_upload_of_another_by_any_path() {
    for (what, peer) in peers() {
        let hers = create(&peer, "alice", None).await;
        let id = hers.strip_prefix("/t/alice/files/").unwrap();
        for url in [
            format!("/t/bob/files/{id}"),
            format!("/t/bob/files/alice/{id}"),
            format!("/t/bob/files/alice%2F{id}"),
            format!("/t/bob/files/../alice/{id}"),
            format!("/t/bob/files/..%2Falice%2F{id}"),
            format!("/t/bob/files/%2e%2e/alice/{id}"),
            format!("/t/bob/files/%2E%2E%2Falice%2F{id}"),
            format!("/t/bob/files/../../alice/files/{id}"),
            format!("/t/bob/files//alice/{id}"),
            format!("/t/bob/files/%2Falice/{id}"),
            format!("/t/bob/files/files/alice/{id}"),
            format!("/t/bob/files/./{id}"),
            format!("/t/bob%2F..%2Falice/files/{id}"),
            format!("/t/../files/alice/{id}"),
            format!("/t/%2e%2e/files/alice/{id}"),
            format!("/t/%2F/files/alice/{id}"),
            format!("/t/%20/files/alice/{id}"),
            format!("/t/ALICE/files/{id}"),
        ] {
            for method in [Method::HEAD, Method::GET, Method::DELETE, Method::PATCH] {
                let asked = patch(&url, 5).method(method.clone());
                let answer = send(&peer, asked, "").await;
                assert_eq!(
                    answer.status(),
                    StatusCode::NOT_FOUND,
                    "{what}: {method} {url}"
                );
            }
        }
        let get = request(Method::GET, &hers);
        assert_eq!(send(&peer, get, "").await.body(), "hello", "{what}");
    }
}

#[tokio::test]
async fn a_tenant_makes_no_final_of_the_parts_of_another() {
    for (what, peer) in peers() {
        let hers = create(&peer, "alice", Some("partial")).await;
        let id = hers.strip_prefix("/t/alice/files/").unwrap();
        let authority = peer.address().unwrap();
        let urls = [
            hers.clone(),
            format!("http://{authority}{hers}"),
            format!("/t/bob/files/{id}"),
            format!("/t/bob/files/alice/{id}"),
            format!("/t/bob/files/..%2Falice%2F{id}"),
            format!("../../alice/files/{id}"),
            format!("alice/{id}"),
            format!("/alice/{id}"),
            id.to_owned(),
        ];
        for url in urls {
            let post = |tenant| {
                request(Method::POST, &format!("/t/{tenant}/files"))
                    .header("Upload-Concat", format!("final;{url}"))
            };
            let refused = send(&peer, post("bob"), "").await;
            assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{what}: {url}");
        }
        let post = request(Method::POST, "/t/alice/files")
            .header("Upload-Concat", format!("final;{hers}"));
        assert_eq!(send(&peer, post, "").await.status(), StatusCode::CREATED);
    }
}

#[tokio::test]
async fn both_tenants_can_have_an_upload_of_the_same_id() {
    let hooks = Callbacks::new().pre_create(|event| async move {
        let (tenant, _) = event.upload.id.as_str().split_once('/').unwrap();
        let id = format!("{tenant}/report").parse()?;
        Ok(Reply::accept().with_id(id))
    });
    let router = router(Stack::new(MemoryStore::default()).hooks(hooks));
    for (_, peer) in routed(&router, VERSIONS[0]).into_iter().take(1) {
        for tenant in ["alice", "bob"] {
            let url = create(&peer, tenant, None).await;
            assert_eq!(url, format!("/t/{tenant}/files/report"));
        }
    }
}

#[tokio::test]
async fn a_hook_puts_no_upload_among_those_of_another_tenant() {
    let hooks = Callbacks::new().pre_create(|_| async {
        let id = "alice/report".parse()?;
        Ok(Reply::accept().with_id(id))
    });
    let router = router(Stack::new(MemoryStore::default()).hooks(hooks));
    for (_, peer) in routed(&router, VERSIONS[0]) {
        let post = request(Method::POST, "/t/bob/files").header("Upload-Length", 5);
        let refused = send(&peer, post, "").await;
        assert_eq!(refused.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let head = request(Method::HEAD, "/t/alice/files/report");
        let head = send(&peer, head, "").await;
        assert_eq!(head.status(), StatusCode::NOT_FOUND);
    }
}
