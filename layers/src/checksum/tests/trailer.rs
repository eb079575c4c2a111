//! `Upload-Checksum` in a trailer.

use std::pin::pin;
use std::task::{Context, Waker};

use http::{HeaderMap, Version};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::{HELLO, NOTHING, Scene, WORLD, chunked, code, data, trailers, untouchable};
use crate::checksum::body::Verified;
use crate::checksum::check::Check;
use crate::checksum::settings::Settings;
use crate::checksum::{Algorithms, ChecksumLayer};
use crate::protocol::{Body, Error};

#[tokio::test]
async fn ctr_01_bytes_are_verified_at_their_end() {
    let crc32c = "crc32c pgadfA==";
    for (checksums, status) in [
        (&[WORLD][..], 204),
        (&[crc32c], 204),
        (&[HELLO], 460),
        (&["crc32 pgadfA=="], 460),
        (&["sha3 pgadfA=="], 400),
        (&["crc32c pgadfA"], 400),
        (&["crc32c AA=="], 460),
        (&["crc32c P4InJqDJ+1VmGOnLl/tkL372LW8="], 460),
        (&["crc32c "], 400),
        (&["CRC32C pgadfA=="], 400),
        (&[WORLD, WORLD], 400),
        (&[WORLD, crc32c], 400),
        (&[], 400),
    ] {
        let scene = Scene::new(11).await;
        let before = scene.upload().await;
        let body = chunked(vec![data(" w"), data("orld"), trailers(checksums)]);
        let patch = scene.patch(5).header("Trailer", "Upload-Checksum");
        let response = scene.send(patch.body(body).unwrap()).await;
        assert_eq!(response.status(), status, "{checksums:?}");
        match status {
            204 => assert_eq!(scene.stored(), "hello world"),
            _ => assert_eq!(scene.upload().await, before, "CHK-07"),
        }
    }
}

#[tokio::test]
async fn ctr_02_an_announced_trailer_has_to_come() {
    let scene = Scene::new(11).await;
    let body = chunked(vec![data(" world")]);
    let patch = scene.patch(5).header("Trailer", "Upload-Checksum");
    let response = scene.send(patch.body(body).unwrap()).await;
    assert_eq!(code(&response), "ERR_INVALID_CHECKSUM");

    let body = chunked(vec![data(" world"), Err(Error::UnexpectedEof(None))]);
    let patch = scene.patch(5).header("Trailer", "Upload-Checksum");
    let response = scene.send(patch.body(body).unwrap()).await;
    assert_eq!(code(&response), "ERR_UNEXPECTED_EOF");
    assert_eq!(scene.stored(), "hello");
}

#[tokio::test]
async fn ctr_03_a_trailer_that_nobody_announced_is_not_looked_at() {
    for announcement in [None, Some("X-Other"), Some("Upload-Checksums")] {
        let scene = Scene::new(11).await;
        let body = chunked(vec![data(" world"), trailers(&[HELLO])]);
        let mut patch = scene.patch(5);
        if let Some(announcement) = announcement {
            patch = patch.header("Trailer", announcement);
        }
        let response = scene.send(patch.body(body).unwrap()).await;
        assert_eq!(response.status(), 204, "{announcement:?}");
    }
    let scene = Scene::new(11).await;
    let body = chunked(vec![data(" world"), trailers(&[HELLO])]);
    let patch = scene.patch(5).header("Upload-Checksum", WORLD);
    let response = scene.send(patch.body(body).unwrap()).await;
    assert_eq!(response.status(), 204, "the header counts");
}

#[tokio::test]
async fn a_trailer_is_announced_among_others_in_any_case() {
    for lists in [
        &["upload-checksum"][..],
        &["X-Other , UPLOAD-CHECKSUM,X-More"],
        &["X-Other", "Upload-Checksum"],
    ] {
        let scene = Scene::new(11).await;
        let patch = lists
            .iter()
            .fold(scene.patch(5), |patch, list| patch.header("Trailer", *list));
        let body = chunked(vec![data(" world"), trailers(&[HELLO])]);
        let response = scene.send(patch.body(body).unwrap()).await;
        assert_eq!(response.status(), 460, "{lists:?}");
    }
}

#[tokio::test]
async fn a_trailer_that_cannot_come_is_not_waited_for() {
    let scene = Scene::new(11).await;
    for (version, status) in [(Version::HTTP_11, 400), (Version::HTTP_2, 204)] {
        let patch = scene.patch(5).version(version).header("Content-Length", 6);
        let patch = patch.header("Trailer", "Upload-Checksum");
        let response = scene
            .send(patch.body(world_and_its_trailer()).unwrap())
            .await;
        assert_eq!(response.status(), status, "{version:?}");
    }
}

#[tokio::test]
async fn a_trailer_behind_bytes_that_a_layer_has_gathered_is_verified() {
    let scene = Scene::new(11).await;
    let body = world_and_its_trailer();
    assert_eq!(body.size_hint().exact(), Some(6));
    let patch = scene.patch(5).header("Transfer-Encoding", "chunked");
    let patch = patch.header("Trailer", "Upload-Checksum");
    let response = scene.send(patch.body(body).unwrap()).await;
    assert_eq!(response.status(), 204, "{}", code(&response));
}

/// A body of known length, followed by its checksum.
fn world_and_its_trailer() -> Body {
    let trailers = async { trailers(&[WORLD]).unwrap().into_trailers().ok().map(Ok) };
    Body::new(Body::from(" world").with_trailers(Box::pin(trailers)))
}

#[tokio::test]
async fn nothing_may_be_followed_by_its_checksum() {
    for (checksum, status) in [(NOTHING, 204), (HELLO, 460)] {
        let scene = Scene::new(5).await;
        let patch = scene.patch(5).header("Trailer", "Upload-Checksum");
        let body = chunked(vec![trailers(&[checksum])]);
        let response = scene.send(patch.body(body).unwrap()).await;
        assert_eq!(response.status(), status, "CHK-15");
    }
}

#[tokio::test]
async fn a_body_does_not_end_before_it_is_verified() {
    let mut headers = HeaderMap::new();
    headers.insert("upload-checksum", HELLO.parse().unwrap());
    let check = Check::of(&headers, &Settings::default()).unwrap().unwrap();
    let mut body = pin!(Body::default().watched(Verified::new(check)));
    assert!(!body.is_end_stream());
    let mut cx = Context::from_waker(Waker::noop());
    let frame = body.as_mut().poll_frame(&mut cx);
    assert!(matches!(
        frame,
        std::task::Poll::Ready(Some(Err(Error::ChecksumMismatch)))
    ));
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn few_algorithms_are_tried_unless_more_are_named() {
    let named: Algorithms = "md5,sha1".parse().unwrap();
    let by_md5 = "md5 XUFAKrxLKna5cZ2REBfFkg==";
    for (layer, checksum, status) in [
        (ChecksumLayer::new(), HELLO, 204),
        (ChecksumLayer::new(), "crc32c mnG7TA==", 204),
        (ChecksumLayer::new(), by_md5, 400),
        (
            ChecksumLayer::new().trailer_algorithms(named.clone()),
            by_md5,
            204,
        ),
        (
            ChecksumLayer::new().trailer_algorithms(named.clone()),
            "crc32c mnG7TA==",
            400,
        ),
        // Trailers may name only algorithms that headers may name.
        (
            ChecksumLayer::new()
                .algorithms("sha1".parse().unwrap())
                .trailer_algorithms(named),
            by_md5,
            400,
        ),
    ] {
        let layer_told = format!("{layer:?}");
        let scene = Scene {
            layer,
            ..Scene::new(None).await
        };
        let before = scene.upload().await;
        let patch = scene.patch(5).header("Trailer", "Upload-Checksum");
        let body = chunked(vec![data("hello"), trailers(&[checksum])]);
        let response = scene.send(patch.body(body).unwrap()).await;
        assert_eq!(response.status(), status, "{checksum} with {layer_told}");
        match status {
            204 => assert_eq!(scene.stored(), "hellohello"),
            _ => assert_eq!(scene.upload().await, before, "CHK-07"),
        }
    }
}

#[tokio::test]
async fn without_an_algorithm_for_trailers_none_is_announced_or_read() {
    let layer = ChecksumLayer::new().trailer_algorithms(Algorithms::none());
    let scene = Scene {
        layer,
        ..Scene::new(11).await
    };
    let options = http::Request::options("/").body(Body::default()).unwrap();
    let response = scene.send(options).await;
    let lines = response.headers().get_all("tus-extension").iter();
    let lines: Vec<_> = lines.collect();
    assert!(lines.iter().any(|line| *line == "checksum"));
    assert!(
        lines.iter().all(|line| *line != "checksum-trailer"),
        "CTR-01"
    );
    let patch = scene.patch(5).header("Trailer", "Upload-Checksum");
    let response = scene.send(patch.body(untouchable()).unwrap()).await;
    assert_eq!(code(&response), "ERR_INVALID_CHECKSUM");
}

#[tokio::test]
async fn beyond_the_limit_a_trailer_is_refused_before_its_bytes() {
    let layer = ChecksumLayer::new().max_trailers_at_once(1);
    let scene = Scene {
        layer,
        ..Scene::new(11).await
    };
    let (sender, mut received) = tokio::sync::mpsc::unbounded_channel();
    let frames = futures_util::stream::poll_fn(move |cx| received.poll_recv(cx));
    let body = Body::new(http_body_util::StreamBody::new(frames));
    let patch = scene.patch(5).header("Trailer", "Upload-Checksum");
    let first = scene.send(patch.body(body).unwrap());
    let rest = async {
        tokio::task::yield_now().await;
        let patch = scene.patch(5).header("Trailer", "Upload-Checksum");
        let refused = scene.send(patch.body(untouchable()).unwrap()).await;
        assert_eq!(code(&refused), "ERR_TOO_MANY_TRAILERS");
        assert_eq!(refused.status(), 503);
        assert!(refused.headers().contains_key("retry-after"));
        // No upload is created for bytes that would be refused.
        let post = http::Request::post("/").header("Trailer", "Upload-Checksum");
        let post = post
            .header("Upload-Length", "5")
            .body(untouchable())
            .unwrap();
        let refused = scene.send(post).await;
        assert_eq!(code(&refused), "ERR_TOO_MANY_TRAILERS");
        // A checksum in a header does not count towards the limit.
        let patch = scene.patch(5).header("Upload-Checksum", HELLO);
        assert_eq!(
            scene
                .send(patch.body(" world".into()).unwrap())
                .await
                .status(),
            460
        );
        for frame in [data(" world"), trailers(&[WORLD])] {
            sender.send(frame).unwrap();
        }
        drop(sender);
    };
    let (response, ()) = tokio::join!(first, rest);
    assert_eq!(response.status(), 204);
    // The finished request has released its permit.
    let patch = scene.patch(11).header("Trailer", "Upload-Checksum");
    let response = scene.send(patch.body(chunked(vec![trailers(&[NOTHING])])).unwrap());
    assert_eq!(response.await.status(), 204);
}
