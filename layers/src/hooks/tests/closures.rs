//! Closures: their arguments, and what they may return.

use std::io;

use super::*;
use crate::context::context;
use crate::hooks::Callbacks;
use crate::protocol::{Metadata, Target};

/// Set by an outer layer.
#[derive(Clone, Debug, PartialEq)]
struct User(&'static str);

#[tokio::test]
async fn closures_return_their_output_or_a_result_of_it() {
    fn fails() -> io::Result<()> {
        Err(io::ErrorKind::Other.into())
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let heard = Arc::clone(&heard);
        move || heard.lock().unwrap().push(what)
    };
    let (created, finished, terminated) = (note("created"), note("finished"), note("terminated"));
    let hooks = Callbacks::new()
        .pre_create(|_| async { Reply::accept() })
        .pre_finish(|_| async {
            "5".parse::<u64>()?;
            Ok(Reply::accept())
        })
        .post_create(move |_| {
            created();
            async {}
        })
        .post_finish(move |_| {
            finished();
            // The error is logged, and has no effect.
            async {
                fails()?;
                Ok(())
            }
        })
        .post_terminate(move |_| {
            terminated();
            async { Err("no reason".into()) }
        });
    let scene = Scene::new(hooks);
    let created = scene.create(5).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    let url = location(&created);
    let appended = scene.append(&url, 0, "hello".into()).await;
    assert_eq!(appended.status(), StatusCode::NO_CONTENT);
    let delete = Request::delete(&url).body(Body::default()).unwrap();
    assert_eq!(scene.send(delete).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(
        *heard.lock().unwrap(),
        ["created", "finished", "terminated"]
    );
}

#[tokio::test]
async fn a_question_that_fails_with_any_error_is_a_plain_500() {
    let hooks = Callbacks::new().pre_create(|_| async {
        let _: u64 = "five".parse()?;
        Ok(Reply::accept())
    });
    let response = Scene::new(hooks).create(5).await;
    assert_eq!(error(&response), "ERR_INTERNAL_SERVER_ERROR");
}

#[tokio::test]
async fn a_closure_on_any_kind_stops_an_upload_by_its_reply() {
    for kind in [HookKind::PostCreate, HookKind::PostReceive] {
        let scene = Scene::new(Callbacks::new().on(kind, |_| async { Reply::stop() }));
        let url = location(&scene.create(11).await);
        scene.append(&url, 0, "hello".into()).await;
        let id = url.trim_start_matches('/').parse().unwrap();
        assert!(scene.store.bytes(&id).is_none(), "{kind} stops it");
    }
}

#[tokio::test]
async fn a_later_closure_takes_the_place_of_an_earlier_one() {
    let hooks = Callbacks::new()
        .pre_create(|_| async { Reply::reject() })
        .pre_create(|_| async { Reply::accept() });
    assert_eq!(
        Scene::new(hooks).create(5).await.status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn an_event_has_the_request_and_what_layers_in_front_know() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&events);
    let hooks = Callbacks::new().post_create(move |event| {
        heard.lock().unwrap().push(event);
        async {}
    });
    let request = Request::post("/files/?a=b").header("Upload-Length", "5");
    let request = request.header("X-Trace", "1").extension(User("alice"));
    let context = context(|context| {
        context.set_target(Target::Collection);
        context.set_base_url(crate::protocol::BaseUrl::new("https://a.example/files/"));
    });
    let request = request.extension(context);
    let scene = Scene::new(hooks);
    scene.send(request.body(Body::default()).unwrap()).await;
    let events = events.lock().unwrap();
    let [event] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(event.extension(), Some(&User("alice")));
    assert_eq!(event.extension::<u64>(), None);
    let url = format!("https://a.example/files/{}", event.upload.id);
    assert_eq!(event.url(), url);
    assert!(event.peer().is_none());
    assert_eq!(event.method(), "POST");
    assert_eq!(event.uri(), "/files/?a=b");
    assert_eq!(event.headers()["x-trace"], "1");
}

#[tokio::test]
async fn a_reply_sets_id_metadata_and_storage_path_in_one_expression() {
    let metadata = || Metadata::from_pairs([("a", "1")]).unwrap();
    let reply = Reply::accept()
        .with_id("alice/1".parse().unwrap())
        .with_metadata(metadata())
        .with_storage_path("by user/alice")
        .with_response(changed("yes"));
    assert_eq!(reply.storage_path.as_deref(), Some("by user/alice"));
    let hooks = Recorder::default().reply(HookKind::PreCreate, Ok(reply));
    let scene = Scene::new(hooks);
    let response = scene.create(5).await;
    assert_eq!(location(&response), "/alice/1");
    let upload = scene.store.open(&"alice/1".parse().unwrap()).await.unwrap();
    assert_eq!(upload.info().metadata, metadata());
}
