//! The headers of HEAD, which every response to GET has too.

use super::*;

/// Returns the headers of HEAD in a response to GET.
fn told(response: &Response<Body>) -> Vec<(&str, &str)> {
    let headers = response.headers().iter();
    let upload = headers.filter(|(name, _)| name.as_str().starts_with("upload-"));
    let mut told: Vec<_> = upload
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    told.sort_unstable();
    told
}

async fn head(store: &(impl Store + Clone), id: &UploadId) -> Response<Body> {
    let mut request = ask(id);
    *request.method_mut() = Method::HEAD;
    Core::new(store.clone()).oneshot(request).await.unwrap()
}

#[tokio::test]
async fn each_answer_to_get_tells_what_head_tells() {
    let store = MemoryStore::default();
    let metadata = [("filename", "a.txt")];
    let part = upload(&store, &metadata, "hello").await;
    let finished = upload(&store, &metadata, TEXT).await;
    let mut deferred = NewUpload::new(None, Metadata::EMPTY);
    let role = Role::Partial { awaited_by: vec![] };
    deferred.concat = Some(Concat::new(role, None));
    let deferred = store.create(deferred).await.unwrap().info().id.clone();
    append(&store, &deferred, "hello").await;

    for (id, control) in [
        (&part, "no-store"),
        (&deferred, "no-store"),
        (&finished, ""),
    ] {
        let head = head(&store, id).await;
        assert!(told(&head).len() > 2, "{head:?}");
        for (asked, status) in [
            (with([]), StatusCode::OK),
            (with([("range", "bytes=1-2")]), StatusCode::PARTIAL_CONTENT),
            (
                with([("range", "bytes=0-0, 2-2")]),
                StatusCode::PARTIAL_CONTENT,
            ),
            (
                with([("range", "bytes=11-")]),
                StatusCode::RANGE_NOT_SATISFIABLE,
            ),
            (with([("if-none-match", "*")]), StatusCode::NOT_MODIFIED),
            (
                with([("if-match", "\"x\"")]),
                StatusCode::PRECONDITION_FAILED,
            ),
        ] {
            let got = get(&store, id, asked).await;
            assert_eq!(got.status(), status);
            assert_eq!(told(&got), told(&head), "{status}");
            assert_eq!(header(&got, "cache-control"), control, "{status}");
        }
    }

    let layer = DownloadLayer::new(Arc::new(store.clone())).only_finished();
    let refused = layer.layer(Core::new(store.clone())).oneshot(ask(&part));
    let refused = refused.await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(told(&refused), told(&head(&store, &part).await));
    assert_eq!(header(&refused, "cache-control"), "no-store");
}

#[tokio::test]
async fn no_cache_stores_an_answer_to_a_tus_client() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], TEXT).await;
    for asked in ["bytes=0-", "bytes=1-2", "bytes=11-"] {
        let asked = with([("range", asked), ("tus-resumable", "1.0.0")]);
        let got = get(&store, &id, asked).await;
        assert_eq!(header(&got, "cache-control"), "no-store", "{got:?}");
    }
}

#[tokio::test]
async fn no_offset_is_told_of_what_is_complete_and_not_finished() {
    let store = MemoryStore::default();
    let mut new = NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
    new.finishing = Some(FinishState::Pending { attempts: 1 });
    let id = store.create(new).await.unwrap().info().id.clone();
    append(&store, &id, "hello").await;
    let got = get(&store, &id, HeaderMap::new()).await;
    assert_eq!(
        told(&got),
        [("upload-length", "5")],
        "it would read as success"
    );
    assert_eq!(header(&got, "cache-control"), "no-store");
}
