//! A chunk with a checksum, from the layer to the disk.

use bytes::Bytes;
use http::request::Builder;
use http::{HeaderMap, Request};
use http_body::Frame;
use tower::{Layer, ServiceExt};
use tower_tus_layers::checksum::ChecksumLayer;
use tower_tus_layers::protocol::{Body, Error, FinishState, Length, Metadata, NewUpload};
use tower_tus_layers::service::Core;
use tower_tus_layers::store::{Store, WriteMode};

use super::{DURABILITIES, Fixture, Frames, append, append_all};
use crate::store::file::Durability;

/// The checksum of `world`.
const WORLD: &str = "sha1 fCEUM/AgcVl3Qeb/Wo6jR4mrv0M=";

fn patch() -> Builder {
    Request::patch("/a")
        .header("Content-Type", "application/offset+octet-stream")
        .header("Upload-Offset", "5")
}

fn with_header() -> Builder {
    patch().header("Upload-Checksum", WORLD)
}

fn with_trailer() -> Builder {
    patch().header("Trailer", "Upload-Checksum")
}

fn trailer(checksum: &str) -> Result<Frame<Bytes>, Error> {
    let mut trailers = HeaderMap::new();
    trailers.insert("upload-checksum", checksum.parse().unwrap());
    Ok(Frame::trailers(trailers))
}

async fn send(files: &Fixture, request: Builder, body: Frames) -> u16 {
    let service = ChecksumLayer::new().layer(Core::new(files.store.clone()));
    let response = service
        .oneshot(request.body(Body::new(body)).unwrap())
        .await;
    response.unwrap().status().as_u16()
}

/// Creates an upload of ten bytes, or of unknown length, with five bytes
/// stored.
async fn begun(length: Option<u32>) -> Fixture {
    let files = Fixture::new();
    let mut new = NewUpload::new(length.map(Length::from), Metadata::default());
    new.id = "a".parse().unwrap();
    new.finishing = Some(FinishState::Pending { attempts: 0 });
    let mut upload = files.store.create(new).await.unwrap();
    append_all(&mut *upload, "hello").await;
    files
}

#[tokio::test]
async fn chk_07_what_cannot_be_verified_leaves_every_file_as_it_was() {
    let large = || Frames::of([vec![b'#'; 1 << 20], vec![b'#'; 1 << 20]]);
    let world = || Frames::of(["wor", "ld"]);
    for durability in DURABILITIES {
        let mut files = begun(None).await;
        files.store = files.store.durability(durability);
        let before = files.everything();
        let refusals = [
            (with_header(), Frames::of(["World"]), 460),
            (with_header(), large(), 460),
            (with_header(), world().then(Err(Error::Interrupted)), 400),
            (
                with_header().header("Upload-Length", "10"),
                Frames::of(["World"]),
                460,
            ),
            (with_header().header("Upload-Length", "9"), world(), 413),
            (with_trailer(), world(), 400),
            (with_trailer(), world().then(trailer("sha1 AAA")), 400),
            (with_trailer(), world().then(trailer("sha1 AAAA")), 460),
            (
                with_trailer(),
                Frames::of(["World"]).then(trailer(WORLD)),
                460,
            ),
            (with_trailer(), world().then(Err(Error::Shutdown)), 503),
        ];
        for (request, body, status) in refusals {
            let told = format!("{request:?} {body:?}");
            assert_eq!(send(&files, request, body).await, status, "{told:.400}");
            assert_eq!(files.everything(), before, "{told:.400}");
        }
    }
}

#[tokio::test]
async fn a_chunk_that_is_verified_before_its_first_byte_is_stored_has_no_mark() {
    for durability in [Durability::None, Durability::Finish] {
        let mut files = begun(Some(10)).await;
        files.store = files.store.durability(durability);
        let mut upload = files.store.open(&"a".parse().unwrap()).await.unwrap();
        // No mark can be set where there is one.
        files.write("a.chunk", "5\n");
        let pieces = || Frames::of([vec![b'#'; 1 << 20], vec![b'#']]);
        let in_pieces = append(&mut *upload, pieces(), WriteMode::Atomic).await;
        assert!(in_pieces.store_failed(), "{in_pieces:?}");
        let whole = append(&mut *upload, Frames::of(["wor", "ld"]), WriteMode::Atomic).await;
        assert!(whole.error.is_none(), "{whole:?}");
        assert_eq!(files.read("a"), b"helloworld");
    }
}

#[tokio::test]
async fn chk_05_what_was_verified_is_stored() {
    for with_checksum in [with_header, with_trailer] {
        for length in [Some(10), None] {
            let request = match length {
                Some(_) => with_checksum(),
                None => with_checksum().header("Upload-Length", "10"),
            };
            let files = begun(length).await;
            let body = Frames::of(["wor", "ld"]).then(trailer(WORLD));
            assert_eq!(send(&files, request, body).await, 204);
            assert_eq!(files.read("a"), b"helloworld");
            assert_eq!(files.info("a.info")["Size"], 10);
            assert!(!files.path("a.chunk").exists());
        }
    }
}
