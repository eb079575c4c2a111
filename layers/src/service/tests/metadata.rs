//! Limits on the metadata of a creation.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use tower::ServiceExt;

use super::{code, empty, outcome};
use crate::protocol::Body;
use crate::service::Core;
use crate::store::MemoryStore;

async fn create(core: &Core, lines: &[String]) -> Response<Body> {
    let request = Request::post("/").header("Upload-Length", "5");
    let request = lines.iter().fold(request, |request, line| {
        let line = HeaderValue::from_maybe_shared(Bytes::from(line.clone())).unwrap();
        request.header("Upload-Metadata", line)
    });
    core.clone().oneshot(empty(request)).await.unwrap()
}

/// One pair of this many bytes, with an empty value.
fn bytes(count: usize) -> String {
    "k".repeat(count)
}

fn pairs(count: usize) -> String {
    let pairs: Vec<_> = (0..count).map(|key| format!("k{key} YQ==")).collect();
    pairs.join(",")
}

fn cores() -> [(Core, MemoryStore); 2] {
    let (strict, lenient) = (MemoryStore::default(), MemoryStore::default());
    [
        (Core::new(strict.clone()), strict),
        (Core::new(lenient.clone()).lenient(), lenient),
    ]
}

#[tokio::test]
async fn metadata_is_limited_in_bytes_and_in_pairs_strict_or_not() {
    const KIB_64: usize = 64 << 10;
    for (core, store) in cores() {
        for (lines, status) in [
            (vec![bytes(KIB_64)], 201),
            (vec![bytes(KIB_64 + 1)], 431),
            // A comma joins them.
            (vec![bytes(KIB_64 - 2), "a".to_owned()], 201),
            (vec![bytes(KIB_64 - 1), "a".to_owned()], 431),
            (vec![pairs(1_000)], 201),
            (vec![pairs(1_001)], 431),
            (vec![pairs(1_000), "last".to_owned()], 431),
            // The size is checked before the syntax.
            (vec![format!("{},k0", pairs(1_000))], 431),
        ] {
            let response = create(&core, &lines).await;
            let shown = lines.concat();
            assert_eq!(response.status(), status, "{shown:.40} {}", shown.len());
            if status == 431 {
                assert_eq!(code(&response), "ERR_METADATA_TOO_LARGE");
            }
        }
        assert_eq!(format!("{store:?}"), "MemoryStore { uploads: 3 }");
    }
}

#[tokio::test]
async fn of_a_lenient_core_commas_with_nothing_between_them_are_no_pairs() {
    let [_, (lenient, _)] = cores();
    let commas = ",".repeat(5_000);
    let response = create(&lenient, &[format!("a YQ=={commas}")]).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let metadata = &outcome(&response).upload.metadata;
    assert_eq!(metadata.raw().unwrap(), "a YQ==");
}

#[tokio::test]
async fn the_limits_of_metadata_can_be_set() {
    let store = MemoryStore::default();
    let core = Core::new(store).max_metadata_size(20).max_metadata_pairs(2);
    for (line, status) in [
        ("a YQ==,b Yg==", 201),
        ("a,b,c", 431),
        ("a YWFhYWFhYWFhYWFh", 201),
        ("a YWFhYWFhYWFhYWFhYWFh", 431),
    ] {
        let response = create(&core, &[line.to_owned()]).await;
        assert_eq!(response.status(), status, "{line}");
    }
}
