//! `tower-tusd show`

use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use serde_json::json;

use crate::harness::tus::{Content, content, streamed};
use crate::harness::{Server, patient};
use crate::{client, described, home, id, run};

/// A body with some bytes that then stalls.
pub(crate) fn hanging(text: &'static str) -> Content {
    let frame = stream::once(async move { Bytes::from(text) });
    streamed(frame.chain(stream::pending()))
}

#[tokio::test]
async fn all_that_is_known_of_an_upload_is_shown() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let url = described(&tus, 5_000, "filename aGVsbG8udHh0").await;
    tus.append(&url, 0, content("hello")).await;
    let shown = run(home(&server), &["show", id(&url)]).await.fine();
    for expected in [
        format!("id       {}\n", id(&url)),
        "state    receiving\n".to_owned(),
        "offset   5 bytes\n".to_owned(),
        "length   5000 bytes (4.9 KiB)\n".to_owned(),
        "held     no\n".to_owned(),
        "metadata filename: hello.txt\n".to_owned(),
    ] {
        assert!(shown.out.contains(&expected), "{expected} {}", shown.out);
    }
}

#[tokio::test]
async fn an_upload_that_a_request_of_the_server_holds_is_held() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let url = tus.create(11).await;
    let (ended, end) = tokio::sync::oneshot::channel::<()>();
    let hello = stream::once(async { Bytes::from("hello") });
    let rest = stream::once(async move {
        let _ = end.await;
        Bytes::from(" world")
    });
    let patch = tokio::spawn({
        let (tus, url) = (tus.clone(), url.clone());
        let body = streamed(Box::pin(hello.chain(rest)).fuse());
        async move { tus.append(&url, 0, body).await }
    });
    let args = ["show", "--json", id(&url)];
    patient(async {
        // Nothing else tells that the request has begun.
        while run(home(&server), &args).await.fine().all("held") != [json!(true)] {}
    })
    .await;
    ended.send(()).unwrap();
    assert_eq!(patch.await.unwrap().status(), 204, "nobody was interrupted");
    let shown = run(home(&server), &args).await.fine();
    assert_eq!(shown.all("held"), [json!(false)]);
    assert_eq!(shown.all("state"), ["finished"]);
}

#[tokio::test]
async fn the_others_are_shown_when_one_does_not_exist() {
    let server = Server::start(&[]).await;
    let tus = client(&server);
    let urls = [tus.create(5).await, tus.create(5).await];
    let args = ["show", "--json", id(&urls[0]), "nothing", id(&urls[1])];
    let shown = run(home(&server), &args).await;
    assert_eq!(shown.code, Some(1));
    assert_eq!(shown.all("id"), urls.each_ref().map(|url| id(url)));
    assert_eq!(shown.err, "tower-tusd: nothing: upload not found\n");
}
