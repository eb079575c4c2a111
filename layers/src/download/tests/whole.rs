//! Whole uploads, and access to them.

use super::broken::Broken;
use super::*;

#[tokio::test]
async fn an_upload_is_given_out_whole() {
    let store = MemoryStore::default();
    let id = upload(
        &store,
        &[("filetype", "image/png"), ("filename", "a.png")],
        TEXT,
    )
    .await;
    let response = get(&store, &id, HeaderMap::new()).await;
    assert_eq!(response.status(), StatusCode::OK);
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-disposition", "inline; filename=\"a.png\""),
        ("content-length", "11"),
        ("accept-ranges", "bytes"),
        ("x-content-type-options", "nosniff"),
        ("content-range", ""),
        ("cache-control", ""),
    ] {
        assert_eq!(header(&response, name), value, "{name}");
    }
    let outcome: &Outcome = response.extensions().get().unwrap();
    assert_eq!(outcome.upload.id, id);
    assert_eq!(outcome.upload.offset, 11);
    assert_eq!(text(response).await, TEXT);
}

#[tokio::test]
async fn of_an_unfinished_upload_there_is_what_is_stored() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], "hello").await;
    let response = get(&store, &id, HeaderMap::new()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert_eq!(text(response).await, "hello");
}

/// Returns the code with which a layer that serves only finished uploads refuses one.
async fn refusal(store: &MemoryStore, new: NewUpload, text: &'static str) -> Option<&'static str> {
    let id = store.create(new).await.unwrap().info().id.clone();
    append(store, &id, text).await;
    let layer = DownloadLayer::new(Arc::new(store.clone())).only_finished();
    let response = layer.layer(Core::new(store.clone())).oneshot(ask(&id));
    let response = response.await.unwrap();
    assert!(response.extensions().get::<Outcome>().is_some());
    response.extensions().get().map(Error::code)
}

#[tokio::test]
async fn unfinished_uploads_may_be_refused() {
    let store = MemoryStore::default();
    let new = || NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
    assert_eq!(refusal(&store, new(), "hello").await, None);
    let incomplete = Some("ERR_INCOMPLETE_UPLOAD");
    assert_eq!(refusal(&store, new(), "hell").await, incomplete);
    let mut unfinished = new();
    unfinished.finishing = Some(FinishState::Pending { attempts: 1 });
    assert_eq!(refusal(&store, unfinished, "hello").await, incomplete);
    let deferred = NewUpload::new(None, Metadata::EMPTY);
    assert_eq!(refusal(&store, deferred, "hello").await, incomplete);
}

#[tokio::test]
async fn a_failed_upload_is_gone_and_no_cache_keeps_that() {
    let store = MemoryStore::default();
    let mut failed = NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
    failed.finishing = Some(FinishState::Failed);
    let id = store.create(failed).await.unwrap().info().id.clone();
    append(&store, &id, "hello").await;
    for asked in [with([]), with([("range", "bytes=0-1")])] {
        let response = get(&store, &id, asked).await;
        assert_eq!(response.status(), StatusCode::GONE);
        let error = response.extensions().get().map(Error::code);
        assert_eq!(error, Some("ERR_UPLOAD_FAILED"));
        assert_eq!(header(&response, "cache-control"), "no-store");
        assert_eq!(header(&response, "upload-offset"), "");
        assert_eq!(text(response).await, "");
    }
}

/// A store that reports every upload as a pending final.
#[derive(Clone, Debug)]
struct AllPending(MemoryStore);

#[async_trait]
impl Store for AllPending {
    async fn create(&self, new: NewUpload) -> Result<Box<dyn Handle>, Error> {
        self.0.create(new).await
    }

    async fn open(&self, id: &UploadId) -> Result<Box<dyn Handle>, Error> {
        self.0.open(id).await
    }

    fn reader(&self) -> Option<&dyn Reader> {
        Some(self)
    }
}

#[async_trait]
impl Reader for AllPending {
    async fn read(&self, id: &UploadId) -> Result<Box<dyn Content>, Error> {
        let mut upload = Upload::new(id.clone());
        upload.length = Some(Length::from(0));
        let (parts, pending) = (vec![], true);
        upload.concat = Some(Concat::new(Role::Final { parts, pending }, None));
        Ok(Box::new(Broken {
            upload,
            reads: |_| unreachable!(),
        }))
    }
}

#[tokio::test]
async fn of_a_pending_final_there_is_nothing() {
    let store = AllPending(MemoryStore::default());
    let id = UploadId::random();
    let response = get(&store, &id, with([("range", "bytes=0-")])).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "content-length"), "0");
    assert_eq!(text(response).await, "");

    let layer = DownloadLayer::new(Arc::new(store.clone())).only_finished();
    let response = layer
        .layer(Core::new(store))
        .oneshot(ask(&id))
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_upload_that_is_not_there_is_not_found() {
    let response = get(
        &MemoryStore::default(),
        &UploadId::random(),
        HeaderMap::new(),
    )
    .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

/// A gate that records every action and refuses it.
#[derive(Debug, Default)]
struct Refuses(Mutex<Vec<(UploadId, Action)>>);

#[async_trait]
impl Gate for Refuses {
    async fn opened(&self, _: &Parts, upload: &Upload, action: Action) -> Result<(), Error> {
        self.0.lock().unwrap().push((upload.id.clone(), action));
        Err(Error::Rejected)
    }
}

#[tokio::test]
async fn a_gate_may_refuse() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], TEXT).await;
    let gate = Arc::new(Refuses::default());
    let mut request = ask(&id);
    Context::of_mut(request.extensions_mut()).add_gate(Arc::clone(&gate) as Arc<dyn Gate>);
    let service = DownloadLayer::new(Arc::new(store.clone())).layer(Core::new(store));
    let response = service.oneshot(request).await.unwrap();
    assert!(matches!(response.extensions().get(), Some(Error::Rejected)));
    assert_eq!(text(response).await, "");
    assert_eq!(*gate.0.lock().unwrap(), [(id, Action::Read)]);
}

#[tokio::test]
async fn all_else_goes_inwards() {
    let store = MemoryStore::default();
    let id = upload(&store, &[], TEXT).await;
    let service = DownloadLayer::new(Arc::new(store.clone())).layer(Core::new(store));
    for (method, path, status) in [
        (Method::HEAD, format!("/{id}"), StatusCode::OK),
        (Method::OPTIONS, format!("/{id}"), StatusCode::OK),
        (Method::GET, "/".to_owned(), StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/a//b".to_owned(), StatusCode::NOT_FOUND),
        (Method::DELETE, format!("/{id}"), StatusCode::NO_CONTENT),
    ] {
        let request = Request::builder().method(&method).uri(&path);
        let request = request.body(Body::default()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{method} {path}");
        assert!(
            !response.headers().contains_key("content-length"),
            "{method}"
        );
        let extensions = header(&response, "tus-extension");
        assert!(!extensions.contains("download"), "{extensions}");
    }
}

/// A gate that decides when an upload is finished.
#[derive(Debug)]
struct Deciding;

#[async_trait]
impl Gate for Deciding {
    fn decides_completion(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn what_a_deciding_gate_has_not_let_pass_is_not_given_out() {
    let store = MemoryStore::default();
    let mut new = NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
    new.finishing = Some(FinishState::Pending { attempts: 0 });
    let id = store.create(new).await.unwrap().info().id.clone();
    append(&store, &id, "hello").await;

    let asks = async |gate: Option<Arc<dyn Gate>>| {
        let mut request = ask(&id);
        if let Some(gate) = gate {
            Context::of_mut(request.extensions_mut()).add_gate(gate);
        }
        let service = DownloadLayer::new(Arc::new(store.clone())).layer(Core::new(store.clone()));
        let response = service.oneshot(request).await.unwrap();
        (
            response.status(),
            response.extensions().get().map(Error::code),
        )
    };
    let refused = (StatusCode::BAD_REQUEST, Some("ERR_INCOMPLETE_UPLOAD"));
    assert_eq!(asks(Some(Arc::new(Deciding))).await, refused);
    assert_eq!(asks(None).await, (StatusCode::OK, None));

    let mut handle = store.open(&id).await.unwrap();
    handle.record(FinishState::Done).await.unwrap();
    let given = asks(Some(Arc::new(Deciding))).await;
    assert_eq!(given, (StatusCode::OK, None));
}
