//! `Upload-Checksum` in the header.

use http::Request;

use super::{HELLO, NOTHING, Scene, WORLD, chunked, code, data, untouchable};
use crate::protocol::{Body, Error, Length, Outcome};

#[tokio::test]
async fn chk_05_the_bytes_that_were_spoken_of_are_stored() {
    for body in [
        Body::from(" world"),
        chunked(vec![data(" w"), data(""), data("orld")]),
    ] {
        let scene = Scene::new(11).await;
        let patch = scene.patch(5).header("Upload-Checksum", WORLD);
        let response = scene.send(patch.body(body).unwrap()).await;
        assert_eq!(response.status(), 204, "{}", code(&response));
        assert_eq!(response.headers()["upload-offset"], "11");
        assert!(response.extensions().get::<Outcome>().unwrap().finished);
        assert_eq!(scene.stored(), "hello world");
    }
}

#[tokio::test]
async fn chk_04_others_are_not_and_change_nothing() {
    let scene = Scene::new(11).await;
    let before = scene.upload().await;
    for body in [
        Body::from(" World"),
        Body::from(" "),
        chunked(vec![data(" "), data("w"), data("0rld")]),
    ] {
        let patch = scene.patch(5).header("Upload-Checksum", WORLD);
        let response = scene.send(patch.body(body).unwrap()).await;
        assert_eq!(response.status(), 460);
        assert_eq!(code(&response), "ERR_CHECKSUM_MISMATCH");
        let outcome = response.extensions().get::<Outcome>().unwrap();
        assert_eq!((outcome.received, outcome.finished), (0, false));
        assert_eq!(scene.upload().await, before, "CHK-06, CHK-07");
        assert_eq!(scene.stored(), "hello");
    }
    let again = scene.patch(5).header("Upload-Checksum", WORLD);
    let response = scene.send(again.body(" world".into()).unwrap()).await;
    assert_eq!(response.status(), 204);
}

#[tokio::test]
async fn chk_12_what_cannot_be_verified_is_refused_before_a_byte_is_read() {
    let scene = Scene::new(11).await;
    for checksum in [
        "",
        " ",
        "sha1",
        "sha1 ",
        "sha1  P4InJqDJ+1VmGOnLl/tkL372LW8=",
        "sha1\tP4InJqDJ+1VmGOnLl/tkL372LW8=",
        "sha1 P4InJqDJ+1VmGOnLl/tkL372LW8=,",
        "sha1 P4InJqDJ+1VmGOnLl/tkL372LW8",
        "sha1 P4InJqDJ-1VmGOnLl_tkL372LW8=",
        "sha1 P4InJqDJ+1VmGOnLl/tkL372LW9=",
        "sha1 =",
        "sha1 AAAAA",
        "SHA1 P4InJqDJ+1VmGOnLl/tkL372LW8=",
        "sha3 P4InJqDJ+1VmGOnLl/tkL372LW8=",
        " P4InJqDJ+1VmGOnLl/tkL372LW8=",
        "sha1 P4InJqDJ+1VmGOnLl/tkL372LW8=, sha1 P4InJqDJ+1VmGOnLl/tkL372LW8=",
        "sh\u{e4}1 P4InJqDJ+1VmGOnLl/tkL372LW8=",
    ] {
        let checksum = checksum.as_bytes();
        let patch = scene.patch(5).header("Upload-Checksum", checksum);
        let response = scene.send(patch.body(untouchable()).unwrap()).await;
        let text = String::from_utf8_lossy(checksum);
        assert_eq!(response.status(), 400, "{text}");
        assert_eq!(code(&response), "ERR_INVALID_CHECKSUM", "CHK-03: {text}");
    }
    assert_eq!(scene.stored(), "hello");
}

#[tokio::test]
async fn chk_12_a_digest_of_another_length_is_a_mismatch_at_the_end_of_the_body() {
    // Also of a complete upload, where nothing is appended.
    for (length, text) in [(11, " world"), (5, "")] {
        let scene = Scene::new(length).await;
        let before = scene.upload().await;
        for checksum in [
            "sha1 AA==",
            "sha1 SjtCyw==",
            "crc32 P4InJqDJ+1VmGOnLl/tkL372LW8=",
            // Hexadecimal, which is the base64 of other bytes.
            "sha1 3f822726a0c9fb556618e9cb97fb642f7ef62d6f",
            "blake3 P4InJqDJ+1VmGOnLl/tkL372LW8=",
        ] {
            let patch = scene.patch(5).header("Upload-Checksum", checksum);
            let body = chunked(vec![data(text), data("")]);
            let response = scene.send(patch.body(body).unwrap()).await;
            assert_eq!(response.status(), 460, "{checksum}");
            assert_eq!(code(&response), "ERR_CHECKSUM_MISMATCH", "{checksum}");
            assert_eq!(scene.upload().await, before, "CHK-06, CHK-07");
            assert_eq!(scene.stored(), "hello");
        }
    }
}

#[tokio::test]
async fn two_checksums_are_none() {
    let scene = Scene::new(11).await;
    let twice = scene
        .patch(5)
        .header("Upload-Checksum", WORLD)
        .header("Upload-Checksum", WORLD);
    let announced = scene
        .patch(5)
        .header("Upload-Checksum", WORLD)
        .header("Trailer", "upload-checksum");
    for patch in [twice, announced] {
        let response = scene.send(patch.body(untouchable()).unwrap()).await;
        assert_eq!(code(&response), "ERR_INVALID_CHECKSUM", "CTR-02");
    }
}

#[tokio::test]
async fn chk_14_of_a_body_that_is_cut_short_nothing_is_kept() {
    for error in [
        Error::UnexpectedEof(None),
        Error::Interrupted,
        Error::Shutdown,
        Error::ReadTimeout,
    ] {
        let expected = error.code();
        // Also if all bytes arrived before the error.
        for last in ["orl", "orld"] {
            let scene = Scene::new(11).await;
            let body = chunked(vec![data(" w"), data(last), Err(error.clone())]);
            let patch = scene.patch(5).header("Upload-Checksum", WORLD);
            let response = scene.send(patch.body(body).unwrap()).await;
            assert_eq!(code(&response), expected);
            assert_eq!(scene.stored(), "hello");
        }
    }
}

#[tokio::test]
async fn chk_13_without_a_checksum_what_came_is_kept() {
    let scene = Scene::new(11).await;
    let body = chunked(vec![data(" w"), Err(Error::UnexpectedEof(None))]);
    let response = scene.send(scene.patch(5).body(body).unwrap()).await;
    assert_eq!(code(&response), "ERR_UNEXPECTED_EOF");
    assert_eq!(scene.stored(), "hello w");
}

#[tokio::test]
async fn chk_15_nothing_has_a_digest_too() {
    // In the middle and at the end of the upload.
    for length in [11, 5] {
        for body in [|| chunked(vec![]), Body::default] {
            let scene = Scene::new(length).await;
            for (checksum, status) in [(HELLO, 460), (NOTHING, 204)] {
                let patch = scene.patch(5).header("Upload-Checksum", checksum);
                let response = scene.send(patch.body(body()).unwrap()).await;
                assert_eq!(response.status(), status, "{checksum} of {length}");
            }
        }
    }
}

#[tokio::test]
async fn of_too_many_bytes_nothing_is_kept() {
    for body in [
        Body::from(" world!"),
        chunked(vec![data(" world"), data("!")]),
        chunked(vec![data(" world!")]),
    ] {
        let scene = Scene::new(11).await;
        let patch = scene.patch(5).header("Upload-Checksum", WORLD);
        let response = scene.send(patch.body(body).unwrap()).await;
        assert_eq!(response.status(), 413);
        assert_eq!(code(&response), "ERR_UPLOAD_SIZE_EXCEEDED");
        assert_eq!(scene.stored(), "hello");
    }
}

#[tokio::test]
async fn chk_07_a_length_that_comes_with_other_bytes_is_not_declared() {
    let scene = Scene::new(None).await;
    for (body, status, length) in [(" World", 460, None), (" world", 204, Some(11))] {
        let patch = scene
            .patch(5)
            .header("Upload-Length", "11")
            .header("Upload-Checksum", WORLD);
        let response = scene.send(patch.body(body.into()).unwrap()).await;
        assert_eq!(response.status(), status);
        assert_eq!(scene.upload().await.length, length.map(Length::from));
        let outcome = response.extensions().get::<Outcome>().unwrap();
        assert_eq!(outcome.finished, status == 204);
    }
    assert_eq!(scene.stored(), "hello world");
}

#[tokio::test]
async fn a_length_is_declared_where_no_bytes_come() {
    let scene = Scene::new(None).await;
    let patch = scene
        .patch(5)
        .header("Upload-Length", "5")
        .header("Upload-Checksum", NOTHING);
    let response = scene.send(patch.body(Body::default()).unwrap()).await;
    assert!(response.extensions().get::<Outcome>().unwrap().finished);
    assert!(scene.upload().await.is_finished());
}

#[tokio::test]
async fn for_what_cannot_be_verified_nothing_is_created() {
    let scene = Scene::new(11).await;
    for (checksum, status) in [
        ("sha3 AAAA", 400),
        ("sha1", 400),
        (NOTHING, 201),
        (WORLD, 201),
    ] {
        let post = Request::post("/")
            .header("Upload-Length", "5")
            .header("Upload-Checksum", checksum);
        let response = scene.send(post.body(Body::default()).unwrap()).await;
        assert_eq!(response.status(), status, "{checksum}");
    }
    assert_eq!(format!("{:?}", scene.store), "MemoryStore { uploads: 3 }");
}

#[tokio::test]
async fn only_who_brings_bytes_is_asked() {
    let scene = Scene::new(11).await;
    for (method, status) in [("OPTIONS", 200), ("HEAD", 200), ("DELETE", 204)] {
        let request = Request::builder()
            .method(method)
            .uri(format!("/{}", scene.id))
            .header("Upload-Checksum", "nonsense");
        let response = scene.send(request.body(Body::default()).unwrap()).await;
        assert_eq!(response.status(), status, "{method}");
    }
}
