//! A file system without free inodes: no file can be made, not even a lock.

use http::{Method, StatusCode};

use crate::audit::get;
use crate::harness::tus::{content, request};
use crate::lab::Lab;
use crate::load::{creation, url};
use crate::site::Site;

const INODES: usize = 64;

#[tokio::test]
async fn without_free_inodes_uploads_can_be_read_and_deleted() {
    let Some(lab) = Lab::open().await else {
        return;
    };
    lab.make_with_inodes(INODES).await;
    let site = Site::under(lab.wrapper(), lab.home(), lab.inside("disk/data")).await;
    let (_server, tus) = site.start("finish").await;
    let ids = ["whole", "half"];
    for id in ids {
        let answer = tus.ask(creation(&tus, id).header("Upload-Length", 5)).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let bytes = content(if id == "whole" { "hello" } else { "hel" });
        let answer = tus.append(&url(&tus, id), 0, bytes).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    // The first file that cannot be made ends the loop.
    lab.run("i=0; while touch disk/file$i 2>/dev/null; do i=$((i + 1)); done")
        .await;

    let answer = tus
        .ask(creation(&tus, "more").header("Upload-Length", 5))
        .await;
    assert_eq!(answer.status(), StatusCode::INSUFFICIENT_STORAGE);
    for (id, offset) in [("whole", 5), ("half", 3)] {
        assert_eq!(tus.offset(&url(&tus, id)).await, offset);
    }
    let answer = tus.send(get(&tus, "whole")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.body(), "hello");
    for id in ids {
        let answer = tus.ask(request(Method::DELETE, &url(&tus, id))).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{id}");
        assert_eq!(
            tus.head(&url(&tus, id)).await.status(),
            StatusCode::NOT_FOUND
        );
    }
    let answer = tus
        .ask(creation(&tus, "more").header("Upload-Length", 5))
        .await;
    assert_eq!(
        answer.status(),
        StatusCode::CREATED,
        "the space is free again"
    );
}
