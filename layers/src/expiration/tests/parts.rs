//! Partials and finals that need each other.

use super::*;

fn partial(awaited_by: &[&str]) -> Concat {
    let awaited_by = awaited_by.iter().map(|id| id.parse().unwrap()).collect();
    Concat::new(Role::Partial { awaited_by }, None)
}

fn final_of(parts: &[&str], pending: bool) -> Concat {
    let parts = parts.iter().map(|id| id.parse().unwrap()).collect();
    Concat::new(Role::Final { parts, pending }, None)
}

/// Stores an upload with these relations, which was created at a time.
async fn store(server: &Server, id: &str, seconds: u64, concat: Concat) -> Box<dyn Handle> {
    server.at(seconds);
    let mut new = NewUpload::new(Some(Length::ZERO), Default::default());
    (new.id, new.created) = (id.parse().unwrap(), server.expiration.now());
    new.concat = Some(concat);
    server.store.create(new).await.unwrap()
}

async fn has_expired(server: &Server, id: &str) -> bool {
    let handle = server.store.open(&id.parse().unwrap()).await.unwrap();
    let expired = server.expiration.has_expired(&server.store, handle.info());
    expired.await.unwrap()
}

#[tokio::test]
async fn a_finished_partial_expires_like_an_unfinished_upload() {
    let server = Server::new().with(|it| it.finished(Duration::from_secs(1)));
    store(&server, "part", 0, partial(&[])).await;
    for (seconds, expired) in [(59, false), (60, true)] {
        server.at(seconds);
        assert_eq!(has_expired(&server, "part").await, expired);
    }
    store(&server, "final", 60, final_of(&["part"], false)).await;
    server.at(61);
    assert!(
        has_expired(&server, "final").await,
        "an assembled final is a finished upload"
    );
}

#[tokio::test]
async fn a_partial_is_kept_while_a_pending_final_needs_it() {
    let server = Server::new();
    store(
        &server,
        "part",
        0,
        partial(&["gone", "done", "other", "final"]),
    )
    .await;
    store(&server, "done", 0, final_of(&["part"], false)).await;
    store(&server, "other", 0, final_of(&["another"], true)).await;
    store(&server, "final", 0, final_of(&["part"], true)).await;
    server.at(1_000);
    assert!(!has_expired(&server, "part").await);
    let head = server.head("/part").await;
    assert_eq!(
        (head.status(), told(&head)),
        (StatusCode::OK, None),
        "nobody knows when"
    );
    let terminator = server.store.terminator().unwrap();
    terminator.terminate(&id("/final")).await.unwrap();
    assert!(has_expired(&server, "part").await);
}

#[tokio::test]
async fn a_pending_final_lives_as_long_as_one_of_its_parts_is_active() {
    let server = Server::new();
    store(&server, "idle", 0, partial(&["final"])).await;
    store(
        &server,
        "final",
        0,
        final_of(&["idle", "gone", "active"], true),
    )
    .await;
    store(&server, "active", 50, partial(&["final"])).await;
    for (seconds, expired) in [(0, false), (60, false), (109, false), (110, true)] {
        server.at(seconds);
        assert_eq!(has_expired(&server, "final").await, expired, "{seconds}");
        assert!(!has_expired(&server, "idle").await, "{seconds}");
    }
}

#[tokio::test]
async fn what_cannot_be_decided_is_kept() {
    #[derive(Debug)]
    struct Broken(MemoryStore);

    #[async_trait]
    impl Store for Broken {
        async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
            self.0.create(new).await
        }

        async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
            match id.as_str() {
                "final" => Err(Error::internal("unreadable")),
                _ => self.0.open(id).await,
            }
        }
    }

    let server = Server::new();
    let part = store(&server, "part", 0, partial(&["final"])).await;
    server.at(1_000);
    let broken = Broken(server.store.clone());
    let decided = server.expiration.has_expired(&broken, part.info()).await;
    assert!(decided.is_err());
    let layer = ExpirationLayer::new(Arc::new(broken), server.expiration.clone());
    let stack = layer.layer(Core::new(server.store.clone()));
    let head = stack.oneshot(empty(Request::head("/part"))).await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
}
