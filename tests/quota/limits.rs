//! Each flag.

use bytes::Bytes;
use futures_util::stream;

use super::harness::run;
use super::harness::tus::{code, content, number, patch, streamed};
use super::*;

const VERSIONS: [Version; 2] = [Version::Http1, Version::Http2];

#[tokio::test]
async fn the_store_size_limits_all_uploads_together() {
    let server = Server::start(&["-store-size=100"]).await;
    for version in VERSIONS {
        let tus = client(&server, version);
        let first = tus.create(60).await;
        let refused = create(&tus, 41).await;
        assert_eq!(refused.status(), FULL);
        assert_eq!(code(&refused), "ERR_INSUFFICIENT_STORAGE");
        let second = tus.create(40).await;
        assert_eq!(create(&tus, 101).await.status(), TOO_LARGE);
        assert_eq!(used(&server).await, 100);
        assert_eq!(metric(&server, "tusd_store_bytes_limit").await, 100);
        delete(&tus, &first).await;
        assert_eq!(used(&server).await, 40);
        tus.append(&second, 0, content("x".repeat(40))).await;
        delete(&tus, &second).await;
        assert_eq!(used(&server).await, 0);
    }
}

#[tokio::test]
async fn tus_max_size_is_the_smaller_of_both_limits() {
    for (args, max) in [
        (&["-store-size=100"][..], 100),
        (&["-store-size=100", "-max-size=50"], 50),
        (&["-store-size=100", "-max-size=500"], 100),
    ] {
        let server = Server::start(args).await;
        let tus = client(&server, Version::Http1);
        let options = tus.ask(request(Method::OPTIONS, &tus.url)).await;
        assert_eq!(number(options.headers(), "tus-max-size"), max);
        assert_eq!(create(&tus, max + 1).await.status(), TOO_LARGE);
    }
}

#[tokio::test]
async fn what_fits_of_a_deferred_upload_is_kept() {
    let server = Server::start(&["-store-size=100"]).await;
    for version in VERSIONS {
        let tus = client(&server, version);
        let other = tus.create(70).await;
        let url = defer(&tus).await;
        let frames = stream::iter((0..5).map(|_| Bytes::from_static(b"1234567")));
        let answer = tus.append(&url, 0, streamed(frames)).await;
        assert_eq!(answer.status(), FULL);
        assert_eq!(tus.offset(&url).await, 30);
        let declared = patch(&url, 30).header("Upload-Length", 31);
        let declared = tus.send(declared.body(content("x")).unwrap()).await;
        assert_eq!(declared.status(), FULL);
        delete(&tus, &other).await;
        let declared = patch(&url, 30).header("Upload-Length", 31);
        let declared = tus.send(declared.body(content("x")).unwrap()).await;
        assert_eq!(declared.status(), StatusCode::NO_CONTENT);
        assert_eq!(used(&server).await, 31);
        delete(&tus, &url).await;
    }
}

#[tokio::test]
async fn each_owner_has_a_limit() {
    let args = ["-store-size-per-owner=50", "-owner-key=owner"];
    let server = Server::start(&args).await;
    let tus = client(&server, Version::Http1);
    // alice, bob, and nobody.
    for (owner, length, status) in [
        ("owner YWxpY2U=", 50, StatusCode::CREATED),
        ("owner YWxpY2U=", 1, FULL),
        ("owner Ym9i,name eA==", 51, TOO_LARGE),
        ("owner Ym9i,name eA==", 50, StatusCode::CREATED),
        ("name eA==", 1_000, StatusCode::CREATED),
    ] {
        let post = tus.post().header("Upload-Length", length);
        let answer = tus.ask(post.header("Upload-Metadata", owner)).await;
        assert_eq!(answer.status(), status, "{owner} {length}");
    }
    assert_eq!(used(&server).await, 1_100);
}

#[tokio::test]
async fn uploads_make_room_for_others_where_a_flag_says_so() {
    for locks in ["-locks=file", "-locks=memory"] {
        for (evict, of_finished) in [("unfinished", FULL), ("finished", StatusCode::CREATED)] {
            let evict = format!("-store-evict={evict}");
            let server = Server::start(&["-store-size=100", &evict, locks]).await;
            let tus = client(&server, Version::Http1);
            let unfinished = tus.create(40).await;
            let finished = tus.create(50).await;
            tus.append(&finished, 0, content("x".repeat(50))).await;
            // It needs 30 bytes more.
            assert_eq!(create(&tus, 40).await.status(), StatusCode::CREATED);
            assert_eq!(tus.head(&unfinished).await.status(), StatusCode::NOT_FOUND);
            assert_eq!(tus.head(&finished).await.status(), StatusCode::OK);
            assert_eq!(used(&server).await, 90);
            assert_eq!(create(&tus, 100).await.status(), of_finished, "{evict}");
        }
    }
}

#[tokio::test]
async fn without_a_flag_a_full_store_refuses_and_removes_nothing() {
    let server = Server::start(&["-store-size=100"]).await;
    let tus = client(&server, Version::Http1);
    let unfinished = tus.create(100).await;
    assert_eq!(create(&tus, 1).await.status(), FULL);
    assert_eq!(tus.head(&unfinished).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn before_the_disk_is_full_creations_are_refused() {
    let home = tempfile::TempDir::new().unwrap();
    let plenty = Server::start_in(home.path(), &["-min-free-space=1"]).await;
    let tus = client(&plenty, Version::Http1);
    let begun = tus.create(10).await;
    // No disk has as much.
    assert_eq!(create(&tus, 1 << 62).await.status(), FULL);
    drop(plenty);

    let least = format!("-min-free-space={}", u64::MAX);
    let server = Server::start_in(home.path(), &[&least]).await;
    let tus = client(&server, Version::Http1);
    assert_eq!(create(&tus, 0).await.status(), FULL);
    let deferred = tus.ask(tus.post().header("Upload-Defer-Length", "1")).await;
    assert_eq!(deferred.status(), FULL);
    // What is there goes on.
    let id = begun.rsplit('/').next().unwrap();
    let begun = format!("{}{id}", server.url());
    let appended = tus.append(&begun, 0, content("x".repeat(10))).await;
    assert_eq!(appended.status(), StatusCode::NO_CONTENT);
    delete(&tus, &begun).await;
}

#[tokio::test]
async fn flags_that_need_each_other_are_refused_alone() {
    for (args, named) in [
        (&["-store-size-per-owner=1"][..], "needs -owner-key"),
        (&["-owner-key=owner"], "only with -store-size-per-owner"),
        (&["-store-evict=finished"], "only with -store-size"),
        (&["-store-size=1", "-store-evict=all"], "store-evict"),
        (&["-store-size=-1"], "store-size"),
    ] {
        let output = run(args).await;
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.contains(named), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
}

#[tokio::test]
async fn the_start_tells_the_limits_and_what_is_stored() {
    let home = tempfile::TempDir::new().unwrap();
    let mut server = Server::start_in(home.path(), &["-store-size=1048576"]).await;
    let lines = server.start_lines().join("\n");
    assert!(lines.contains("Using 1.00MB as maximum size."), "{lines}");
    assert!(lines.contains("Using 1.00MB as maximum size of all uploads together."));
    client(&server, Version::Http1).create(12_345).await;
    drop(server);
    server = Server::start_in(home.path(), &["-store-size=1048576"]).await;
    let counted = counted_line(&mut server).await;
    assert!(counted.contains("uploads=1 bytes=12345"), "{counted}");
}
