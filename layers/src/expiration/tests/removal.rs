//! What expires, and what a client gets of it then.

use super::*;

#[tokio::test]
async fn an_upload_that_is_gone_has_no_date() {
    let server = Server::new();
    let path = server.create().await;
    let response = server.send(empty(Request::delete(&path))).await;
    assert_eq!(
        (response.status(), told(&response)),
        (StatusCode::NO_CONTENT, None)
    );
    let response = server.append(&path, 0, "hello").await;
    assert_eq!(
        (response.status(), told(&response)),
        (StatusCode::NOT_FOUND, None)
    );
    let response = server.send(empty(Request::patch("/"))).await;
    assert_eq!(told(&response), None);
}

#[tokio::test]
async fn exp_07_an_expired_upload_is_gone_for_all_but_delete() {
    let server = Server::new();
    let path = server.create().await;
    server.at(60);
    for request in [Request::head(&path), chunk(&path, 0)] {
        let request = empty(request);
        let method = request.method().clone();
        let response = server.send(request).await;
        assert!(is_gone(&response), "{method}: {}", response.status());
        assert_eq!(told(&response), None, "{method}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{method}");
    }
    let response = server.send(empty(Request::delete(&path))).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn exp_06_and_07_a_removed_upload_is_410_while_it_is_known_and_404_then() {
    let server = Server::new();
    let path = server.create().await;
    server.at(60);
    let terminator = server.store.terminator().unwrap();
    terminator.terminate(&id(&path)).await.unwrap();
    assert_eq!(server.head(&path).await.status(), StatusCode::NOT_FOUND);
    server.expiration.clone().bury(&id(&path));
    for request in [
        Request::head(&path),
        chunk(&path, 0),
        Request::delete(&path),
    ] {
        let response = server.send(empty(request)).await;
        assert!(is_gone(&response) && told(&response).is_none());
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    let other = server.head("/other").await;
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
    server.at(60 + 24 * 60 * 60);
    assert_eq!(server.head(&path).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_id_that_is_used_again_is_no_longer_known() {
    #[derive(Debug)]
    struct Named;

    #[async_trait]
    impl Gate for Named {
        async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
            upload.id = "report".parse().unwrap();
            Ok(())
        }
    }

    let server = Server::new();
    server.expiration.bury(&id("/report"));
    assert!(is_gone(&server.head("/report").await));
    let stack = server.stack_with(Named);
    for (request, status) in [
        (
            Request::post("/").header("Upload-Length", "5"),
            StatusCode::CREATED,
        ),
        (Request::head("/report"), StatusCode::OK),
        (Request::delete("/report"), StatusCode::NO_CONTENT),
        (Request::head("/report"), StatusCode::NOT_FOUND),
    ] {
        let response = stack.clone().oneshot(empty(request)).await.unwrap();
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn an_upload_does_not_expire_under_a_running_patch() {
    for (server, expires) in [
        (Server::new(), 120),
        (Server::new().with(Expiration::fixed), 60),
    ] {
        let path = server.create().await;
        let (send, body) = tokio::sync::mpsc::unbounded_channel::<bytes::Bytes>();
        let frames = futures_util::stream::unfold(body, |mut body| async {
            let data = body.recv().await?;
            Some((Ok::<_, Error>(http_body::Frame::data(data)), body))
        });
        let body = Body::new(http_body_util::StreamBody::new(frames));
        let request = chunk(&path, 0).body(body).unwrap();
        let mut patch = tokio::spawn(server.stack().oneshot(request));
        send.send("he".into()).unwrap();
        while server.store.bytes(&id(&path)).unwrap() != "he" {
            tokio::select! {
                _ = &mut patch => panic!("it has ended"),
                () = tokio::task::yield_now() => {}
            }
        }
        server.at(60);
        send.send("l".into()).unwrap();
        drop(send);
        let response = patch.await.unwrap().unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(told(&response), Some(expires));
        let next = server.append(&path, 3, "lo").await;
        assert_eq!(is_gone(&next), expires == 60, "{}", next.status());
    }
}

#[tokio::test]
async fn a_complete_upload_is_kept_while_it_may_still_be_finished() {
    let server = Server::new().with(|it| it.finish_attempts(3));
    let mut upload = upload("a");
    upload.offset = Offset::from(5);
    server.at(1_000_000);
    for (finishing, attempts, expires) in [
        (Some(FinishState::Pending { attempts: 0 }), 3, None),
        (Some(FinishState::Pending { attempts: 2 }), 3, None),
        (Some(FinishState::Pending { attempts: 3 }), 3, Some(70)),
        (Some(FinishState::Pending { attempts: 3 }), 0, None),
        (Some(FinishState::Failed), 3, Some(70)),
        (Some(FinishState::Done), 3, None),
        (None, 3, None),
    ] {
        let expiration = server.expiration.clone().finish_attempts(attempts);
        upload.finishing = finishing;
        let expires = expires.map(|seconds| at(BEGIN + seconds));
        assert_eq!(expiration.expires(&upload), expires, "{finishing:?}");
    }
    upload.finishing = Some(FinishState::Pending { attempts: 0 });
    upload.offset = Offset::from(4);
    let expires = server.expiration.expires(&upload);
    assert_eq!(expires, Some(at(BEGIN + 70)), "it is receiving");
}

#[tokio::test]
async fn a_hook_that_is_down_costs_no_bytes() {
    #[derive(Debug)]
    struct Down;

    #[async_trait]
    impl Gate for Down {
        async fn complete(&self, _: &Parts, _: &Upload) -> Result<(), Error> {
            Err(Error::internal("it is down"))
        }

        fn decides_completion(&self) -> bool {
            true
        }
    }

    let server = Server::new();
    let gated = behind(Down, server.stack());
    let request = Request::post("/").header("Upload-Length", "5");
    let created = gated.clone().oneshot(empty(request)).await.unwrap();
    let path = path(&created);
    let request = chunk(&path, 0).body("hello".into()).unwrap();
    let response = gated.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(told(&response), None, "it will not expire");
    server.at(1_000_000);
    let head = gated.oneshot(empty(Request::head(&path))).await.unwrap();
    assert_eq!(head.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(server.head(&path).await.status(), StatusCode::OK);
}
