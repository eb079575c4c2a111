//! The replies of hooks that answer the finish of an upload.

use http_body_util::BodyExt;

use super::*;

fn hooks() -> Recorder {
    let created = changed("created").with_status(StatusCode::ACCEPTED);
    let finish = ResponseOverride::default()
        .with_header(
            "x-finish".parse().unwrap(),
            HeaderValue::from_static("done"),
        )
        .with_body("finished");
    let reply = |change| Ok(Reply::accept().with_response(change));
    Recorder::default()
        .reply(HookKind::PreCreate, reply(created))
        .reply(HookKind::PreFinish, reply(finish))
}

fn has(response: &Response<Body>, header: &str) -> bool {
    response.headers().contains_key(header)
}

async fn text(response: Response<Body>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn only_what_pre_finish_says_is_kept() {
    let hooks = hooks();
    let scene = Scene::new(hooks.clone());
    // Both hooks change the response to the creation of an empty upload.
    let created = scene.create(0).await;
    assert_eq!(created.status(), StatusCode::ACCEPTED);
    assert!(has(&created, "x-hook") && has(&created, "x-finish"));
    let url = location(&created);
    assert_eq!(text(created).await, "finished", "the later one wins");
    hooks.heard();

    let again = scene.append(&url, 0, Body::default()).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert!(has(&again, "x-finish") && !has(&again, "x-hook"));
    assert_eq!(text(again).await, "finished");
    let head = Request::head(&url).body(Body::default()).unwrap();
    let head = scene.send(head).await;
    assert!(has(&head, "x-finish") && !has(&head, "x-hook"));
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(text(head).await, "");
    assert!(hooks.heard().is_empty(), "no hook is called again");
}

#[tokio::test]
async fn a_rejected_finish_keeps_none_of_its_replies() {
    let reply = Reply::reject().with_response(changed("not yet"));
    let scene = Scene::new(Recorder::default().reply(HookKind::PreFinish, Ok(reply)));
    let url = location(&scene.create(5).await);
    let refused = scene.append(&url, 0, "hello".into()).await;
    assert_eq!(refused.headers()["x-hook"], "not yet");
    let finished = scene.append(&url, 5, Body::default()).await;
    assert_eq!(finished.status(), StatusCode::NO_CONTENT);
    assert!(!has(&finished, "x-hook"));
    let handle = scene.store.open(&url[1..].parse().unwrap()).await.unwrap();
    assert_eq!(handle.answer(), None);
}
