//! What a response tells about the time, and when it tells nothing.

use super::*;

#[tokio::test]
async fn exp_03_to_05_the_time_slides_with_the_activity() {
    let server = Server::new();
    let path = server.create().await;
    server.at(20);
    assert_eq!(told(&server.head(&path).await), Some(60), "from creation");
    let response = server.append(&path, 0, "hel").await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(told(&response), Some(80));
    assert_eq!(
        response.headers()["upload-expires"],
        "Sun, 09 Sep 2001 01:48:00 GMT",
        "EXP-08"
    );
    server.at(79);
    assert_eq!(told(&server.head(&path).await), Some(80));
    server.at(80);
    assert!(is_gone(&server.head(&path).await));
}

#[tokio::test]
async fn what_a_patch_tells_is_what_a_head_right_after_tells() {
    // The clock of the store is three seconds behind, or ahead.
    for clock in [BEGIN + 17, BEGIN + 23] {
        let server = Server {
            store: MemoryStore::with_clock(Clock::from_fn(move || at(clock))),
            ..Server::new()
        };
        let path = server.create().await;
        server.at(20);
        for (offset, bytes) in [(0, "hel"), (3, "")] {
            let patched = told(&server.append(&path, offset, bytes).await);
            assert_eq!(patched, Some(clock - BEGIN + 60));
            assert_eq!(patched, told(&server.head(&path).await));
        }
    }
}

#[tokio::test]
async fn a_patch_whose_upload_cannot_be_opened_again_tells_what_the_core_knows() {
    #[derive(Debug)]
    struct Unreadable;

    #[async_trait]
    impl Store for Unreadable {
        async fn create(&self, _: NewUpload) -> Result<Box<dyn Handle>, Error> {
            Err(Error::internal("unreadable"))
        }

        async fn open(&self, _: &UploadId) -> Result<Box<dyn Handle>, Error> {
            Err(Error::internal("unreadable"))
        }
    }

    let server = Server {
        store: MemoryStore::with_clock(Clock::from_fn(|| at(BEGIN + 17))),
        ..Server::new()
    };
    let path = server.create().await;
    server.at(20);
    let core = Core::new(server.store.clone());
    let store = Arc::new(Unreadable) as Arc<dyn Store>;
    let layer = ExpirationLayer::new(store, server.expiration.clone());
    let patch = chunk(&path, 0).body("hel".into()).unwrap();
    let response = layer.layer(core).oneshot(patch).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    assert_eq!(told(&response), Some(77));
}

#[tokio::test]
async fn a_fixed_time_counts_from_the_creation() {
    let server = Server::new().with(Expiration::fixed);
    let path = server.create().await;
    server.at(20);
    assert_eq!(told(&server.append(&path, 0, "hel").await), Some(60));
    server.at(59);
    assert_eq!(server.append(&path, 3, "").await.status(), 204);
    server.at(60);
    assert!(is_gone(&server.append(&path, 3, "lo").await));

    let mut begun_by_tusd = upload("a");
    begun_by_tusd.created = None;
    let expires = server.expiration.expires(&begun_by_tusd);
    assert_eq!(expires, Some(at(BEGIN + 70)), "from its last activity");
    let sliding = server.expiration.clone().sliding();
    let expires = sliding.expires(&upload("a"));
    assert_eq!(expires, Some(at(BEGIN + 70)));
}

#[tokio::test]
async fn exp_04_a_creation_tells_it() {
    let server = Server::new();
    for (length, status, expires) in [
        ("5", StatusCode::CREATED, Some(60)),
        ("0", StatusCode::CREATED, None),
        ("-1", StatusCode::BAD_REQUEST, None),
    ] {
        let request = Request::post("/").header("Upload-Length", length);
        let response = server.send(empty(request)).await;
        assert_eq!(
            (response.status(), told(&response)),
            (status, expires),
            "EXP-09"
        );
    }
}

#[tokio::test]
async fn exp_09_a_finished_upload_never_expires_unless_asked() {
    for (server, expires) in [
        (Server::new(), None),
        (
            Server::new().with(|it| it.finished(Duration::from_secs(100))),
            Some(110),
        ),
        (
            Server::new().with(|it| it.fixed().finished(Duration::from_secs(100))),
            Some(110),
        ),
    ] {
        let path = server.create().await;
        server.at(10);
        let response = server.append(&path, 0, "hello").await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(told(&response), expires, "EXP-03");
        server.at(109);
        let head = server.head(&path).await;
        assert_eq!((head.status(), told(&head)), (StatusCode::OK, expires));
        server.at(1_000_000);
        assert_eq!(is_gone(&server.head(&path).await), expires.is_some());
    }
}

#[tokio::test]
async fn exp_03_each_refusal_of_a_patch_tells_it() {
    let server = Server::new();
    let path = server.create().await;
    for (request, bytes, status) in [
        (chunk(&path, 1), "ello", 409),
        (chunk(&path, 0), "hello world", 413),
        (chunk(&path, 0).header("Upload-Length", "6"), "", 400),
        (typed(Request::patch(&path)), "", 400),
        (
            Request::patch(&path).header("Upload-Offset", "0"),
            "hello",
            415,
        ),
    ] {
        let response = server.send(request.body(bytes.into()).unwrap()).await;
        assert_eq!(response.status(), status);
        assert_eq!(told(&response), Some(60), "{status}");
    }
}

#[tokio::test]
async fn exp_03_a_body_that_breaks_off_tells_it_too() {
    let server = Server::new();
    let path = server.create().await;
    server.at(5);
    let frames: [Result<_, Error>; 2] = [
        Ok(http_body::Frame::data(bytes::Bytes::from("he"))),
        Err(Error::ReadTimeout),
    ];
    let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
    let request = chunk(&path, 0).body(Body::new(body)).unwrap();
    let response = server.send(request).await;
    assert_eq!(code(&response), "ERR_READ_TIMEOUT");
    assert_eq!(told(&response), Some(65));
}

#[tokio::test]
async fn whoever_a_gate_hides_an_upload_from_learns_no_date() {
    #[derive(Debug)]
    struct Closed(Error);

    #[async_trait]
    impl Gate for Closed {
        async fn opened(&self, _: &Parts, _: &Upload, _: Action) -> Result<(), Error> {
            Err(self.0.clone())
        }
    }

    let server = Server::new();
    let path = server.create().await;
    for (error, expires) in [
        (Error::NotFound, None),
        (Error::AccessDenied, None),
        (Rejection::new(StatusCode::UNAUTHORIZED).into(), None),
        (
            Rejection::new(StatusCode::TOO_MANY_REQUESTS).into(),
            Some(60),
        ),
    ] {
        let gated = server.stack_with(Closed(error));
        let response = gated.oneshot(empty(chunk(&path, 0))).await.unwrap();
        assert_eq!(told(&response), expires, "{}", response.status());
    }
}

#[tokio::test]
async fn a_request_that_was_rejected_further_out_learns_no_date() {
    let server = Server::new();
    let path = server.create().await;
    let request = chunk(&path, 0).extension(context(|it| it.reject(Error::TooManyDownloads)));
    let refused = server.send(empty(request)).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told(&refused), None);
}

#[tokio::test]
async fn times_that_no_header_can_tell_are_told_by_none() {
    let server = Server::new();
    let path = server.create().await;
    for after in [Duration::MAX, Duration::from_secs(i64::MAX as u64)] {
        let forever = Expiration::after(after).finished(after);
        assert_eq!(forever.expires(&upload("a")), None);
        assert!(
            !forever
                .has_expired(&server.store, &upload("a"))
                .await
                .unwrap()
        );
    }
    let (store, clock) = (Arc::new(server.store.clone()), server.expiration.clone());
    let clock = Clock::from_fn(move || clock.now());
    let long = Expiration::after(Duration::from_secs(300_000_000_000)).clock(clock);
    let layer = ExpirationLayer::new(store, long);
    let stack = layer.layer(Core::new(server.store.clone()));
    let head = stack.oneshot(empty(Request::head(&path))).await.unwrap();
    assert_eq!((head.status(), told(&head)), (StatusCode::OK, None));

    let mut upload = upload("a");
    (upload.created, upload.modified) = (None, None);
    assert_eq!(server.expiration.expires(&upload), None);
}

#[tokio::test]
async fn a_clock_that_jumps_breaks_nothing() {
    let server = Server::new().with(|it| it.finished(Duration::from_secs(60)));
    let path = server.create().await;
    for seconds in [0, u64::MAX >> 1, i64::MAX as u64 - 1] {
        server.seconds.store(seconds, Ordering::Relaxed);
        let head = server.head(&path).await;
        assert_eq!(
            is_gone(&head),
            seconds > BEGIN,
            "{seconds}: {}",
            head.status()
        );
        server.expiration.bury(&id("/other"));
        assert!(is_gone(&server.head("/other").await));
        let request = Request::post("/").header("Upload-Length", "5");
        let created = server.send(empty(request)).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        assert_eq!(
            created.headers().contains_key("upload-expires"),
            seconds == 0
        );
    }
    server.at(0);
    assert_eq!(told(&server.head(&path).await), Some(60));
    let before_1970 = SystemTime::UNIX_EPOCH - Duration::from_secs(1_000_000);
    let early = server
        .expiration
        .clone()
        .clock(Clock::from_fn(move || before_1970));
    let store = Arc::new(server.store.clone());
    let stack = ExpirationLayer::new(store, early.clone()).layer(Core::new(server.store.clone()));
    let request = chunk(&path, 0).body("hel".into()).unwrap();
    let response = stack.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    early.bury(&id("/a"));
    assert!(early.is_buried(&id("/a")));
}

#[tokio::test]
async fn exp_02_it_announces_itself() {
    let response = Server::new().send(empty(Request::options("/"))).await;
    let lines = response.headers().get_all("tus-extension");
    assert!(lines.iter().any(|line| line == "expiration"));
}
