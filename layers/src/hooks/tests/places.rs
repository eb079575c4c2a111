//! Which storage paths a reply may set.

use super::*;
use crate::protocol::UploadId;

#[tokio::test]
async fn no_reply_puts_bytes_into_a_side_file() {
    for path in [
        "one.chunk",
        "one.info",
        "a/one.lock",
        "/srv/one.stop",
        "one.new/",
        "one.part/.",
        "one.chunk/below",
        "one.CHUNK",
        "..",
    ] {
        let mut reply = Reply::accept();
        reply.storage_path = Some(path.into());
        let scene = Scene::new(Recorder::default().reply(HookKind::PreCreate, Ok(reply)));
        let response = scene.create(5).await;
        assert_eq!(error(&response), "ERR_INTERNAL_SERVER_ERROR", "{path}");
        let error: &Error = response.extensions().get().unwrap();
        let why = std::error::Error::source(error).unwrap().to_string();
        assert!(why.contains("pre-create") && why.contains(path), "{why}");
        assert!(!response.headers().contains_key("location"));
    }
    let mut reply = Reply::accept();
    reply.object.key = Some("a b/one.info".into());
    let scene = Scene::new(Recorder::default().reply(HookKind::PreCreate, Ok(reply)));
    let response = scene.create(5).await;
    let error: &Error = response.extensions().get().unwrap();
    let why = std::error::Error::source(error).unwrap().to_string();
    assert!(
        why.contains("pre-create") && why.contains("one.info"),
        "{why}"
    );
    for path in ["a b/\u{fc}ber.bin", "/srv/files.new/one", ""] {
        let mut reply = Reply::accept();
        reply.storage_path = Some(path.into());
        let scene = Scene::new(Recorder::default().reply(HookKind::PreCreate, Ok(reply)));
        assert_eq!(
            scene.create(5).await.status(),
            StatusCode::CREATED,
            "{path}"
        );
    }
}

#[tokio::test]
async fn an_id_that_is_none_is_named_with_the_rule() {
    let hooks = crate::hooks::Callbacks::new()
        .pre_create(|_| async { Ok(Reply::accept().with_id("a b".parse::<UploadId>()?)) });
    let response = Scene::new(hooks).create(5).await;
    assert_eq!(error(&response), "ERR_INTERNAL_SERVER_ERROR");
    let error: &Error = response.extensions().get().unwrap();
    let why = std::error::Error::source(error).unwrap().to_string();
    assert!(
        why.contains("pre-create") && why.contains("A-Z a-z 0-9"),
        "{why}"
    );
}
