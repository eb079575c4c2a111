//! Decisions of gates, and when an upload is finished.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tower::{Layer, ServiceExt};

use super::{code, create, empty, outcome, patch, send};
use crate::gate::GateLayer;
use crate::gate::{Gate, Refused};
use crate::protocol::{
    Action, Body, Error, FinishState, Length, Metadata, NewUpload, Upload, UploadId,
};
use crate::service::Core;
use crate::store::{MemoryStore, Store};

/// A gate that decides on completion, and fails a given number of times.
#[derive(Clone, Debug, Default)]
struct Deciding {
    failures: Arc<AtomicU32>,
    /// Whether its failures count as decisions.
    refuses: bool,
    asked: Arc<AtomicU32>,
}

#[async_trait]
impl Gate for Deciding {
    async fn complete(&self, _: &Parts, _: &Upload) -> Result<(), Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let left = self.failures.load(Ordering::SeqCst);
        if left == 0 {
            return Ok(());
        }
        self.failures.store(left - 1, Ordering::SeqCst);
        Err(match self.refuses {
            true => Error::internal(Refused::new("the gate's own reason")),
            false => Error::internal("the gate's own failure"),
        })
    }

    fn decides_completion(&self) -> bool {
        true
    }
}

impl Deciding {
    fn failing(times: u32) -> Self {
        let gate = Self::default();
        gate.failures.store(times, Ordering::SeqCst);
        gate
    }

    fn refusing(times: u32) -> Self {
        Self {
            refuses: true,
            ..Self::failing(times)
        }
    }

    async fn send(&self, store: &MemoryStore, request: Request<Body>) -> Response<Body> {
        let core = Core::new(store.clone()).finish_attempts(3);
        GateLayer::new(self.clone())
            .layer(core)
            .oneshot(request)
            .await
            .unwrap()
    }

    async fn upload(&self, store: &MemoryStore) -> (UploadId, Response<Body>) {
        let request = Request::post("/").header("Upload-Length", "5");
        let id = outcome(&self.send(store, empty(request)).await)
            .upload
            .id
            .clone();
        let response = self
            .send(store, patch(&id, "0").body("hello".into()).unwrap())
            .await;
        (id, response)
    }
}

#[tokio::test]
async fn a_failed_finish_is_tried_again_by_head_and_by_an_empty_patch() {
    for again in ["HEAD", "PATCH"] {
        let (store, gate) = (MemoryStore::default(), Deciding::failing(2));
        let (id, response) = gate.upload(&store).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!response.headers().contains_key("upload-offset"));
        assert!(!outcome(&response).finished);

        let retry = || patch(&id, "5").method(again);
        let response = gate.send(&store, empty(retry())).await;
        assert_eq!(
            response.status(),
            StatusCode::INTERNAL_SERVER_ERROR,
            "{again}"
        );
        assert!(!response.headers().contains_key("upload-offset"), "{again}");

        let response = gate.send(&store, empty(retry())).await;
        assert!(response.status().is_success(), "{again}");
        assert_eq!(response.headers()["upload-offset"], "5", "{again}");
        assert!(outcome(&response).finished, "{again}");

        let response = gate.send(&store, empty(retry())).await;
        assert!(response.status().is_success() && !outcome(&response).finished);
        assert_eq!(gate.asked.load(Ordering::SeqCst), 3, "it is finished once");
    }
}

#[tokio::test]
async fn after_the_last_attempt_only_a_termination_helps() {
    let (store, gate) = (MemoryStore::default(), Deciding::refusing(9));
    let (id, _) = gate.upload(&store).await;
    for _ in 0..2 {
        let response = gate
            .send(&store, empty(Request::head(format!("/{id}"))))
            .await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    for request in [Request::head(format!("/{id}")), patch(&id, "5")] {
        let response = gate.send(&store, empty(request)).await;
        assert_eq!(code(&response), "ERR_UPLOAD_REJECTED");
        assert!(!response.headers().contains_key("upload-offset"));
    }
    assert_eq!(gate.asked.load(Ordering::SeqCst), 3);
    let response = gate
        .send(&store, empty(Request::delete(format!("/{id}"))))
        .await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_gate_that_fails_is_asked_again_without_a_limit() {
    let (store, gate) = (MemoryStore::default(), Deciding::failing(20));
    let (id, _) = gate.upload(&store).await;
    let head = || empty(Request::head(format!("/{id}")));
    for _ in 0..19 {
        let status = gate.send(&store, head()).await.status();
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    }
    let response = gate.send(&store, head()).await;
    assert_eq!(response.headers()["upload-offset"], "5");
    assert_eq!(gate.asked.load(Ordering::SeqCst), 21);
}

#[tokio::test]
async fn an_upload_that_was_complete_without_a_record_is_finished() {
    let (store, gate) = (MemoryStore::default(), Deciding::refusing(9));
    let id = create(&store, 5).await;
    send(&store, patch(&id, "0").body("hello".into()).unwrap()).await;
    let response = gate
        .send(&store, empty(Request::head(format!("/{id}"))))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(gate.asked.load(Ordering::SeqCst), 0, "no gate runs");
}

#[tokio::test]
async fn an_upload_without_a_record_gets_one_before_its_last_byte() {
    let (store, gate) = (MemoryStore::default(), Deciding::refusing(1));
    let id = create(&store, 5).await;
    let response = gate
        .send(&store, patch(&id, "0").body("hello".into()).unwrap())
        .await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let recorded = store.open(&id).await.unwrap().info().finishing;
    assert_eq!(recorded, Some(FinishState::Pending { attempts: 1 }));
}

#[tokio::test]
async fn an_upload_without_bytes_is_finished_at_its_creation() {
    let (store, gate) = (MemoryStore::default(), Deciding::failing(1));
    let request = Request::post("/").header("Upload-Length", "0");
    let response = gate.send(&store, empty(request)).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        response.headers().contains_key("location"),
        "the upload is there, and goes on"
    );
    let request = Request::post("/").header("Upload-Length", "0");
    let response = gate.send(&store, empty(request)).await;
    assert_eq!(response.status(), StatusCode::CREATED, "CRE-10");
    assert!(outcome(&response).finished);
}

/// A gate that notes the state of each complete upload, and fails.
#[derive(Clone, Debug, Default)]
struct Noting {
    decides: bool,
    seen: Arc<Mutex<Vec<Option<FinishState>>>>,
}

#[async_trait]
impl Gate for Noting {
    async fn complete(&self, _: &Parts, upload: &Upload) -> Result<(), Error> {
        self.seen.lock().unwrap().push(upload.finishing);
        Err(Error::internal("the gate's own failure"))
    }

    fn decides_completion(&self) -> bool {
        self.decides
    }
}

#[tokio::test]
async fn an_upload_is_recorded_as_finished_before_the_gates_are_told_unless_one_decides() {
    let pending = Some(FinishState::Pending { attempts: 0 });
    for (decides, seen, status) in [
        (false, Some(FinishState::Done), StatusCode::NO_CONTENT),
        (true, pending, StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let store = MemoryStore::default();
        let mut new = NewUpload::new(Some(Length::from(5)), Metadata::EMPTY);
        new.finishing = pending;
        let id = new.id.clone();
        store.create(new).await.unwrap();
        let gate = Noting {
            decides,
            ..Noting::default()
        };
        let service = GateLayer::new(gate.clone()).layer(Core::new(store.clone()));
        let request = patch(&id, "0").body("hello".into()).unwrap();
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(*gate.seen.lock().unwrap(), [seen], "decides: {decides}");
    }
}

/// A gate that chooses where bytes go.
#[derive(Debug)]
struct Placing(fn(&mut NewUpload));

#[async_trait]
impl Gate for Placing {
    async fn creating(&self, _: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        (self.0)(upload);
        Ok(())
    }
}

#[tokio::test]
async fn no_gate_puts_bytes_into_a_side_file() {
    for place in [
        |new: &mut NewUpload| new.storage_path = Some("a/one.info".into()),
        |new: &mut NewUpload| new.object.key = Some("a/one.info".into()),
    ] {
        let store = MemoryStore::default();
        let service = GateLayer::new(Placing(place)).layer(Core::new(store));
        let request = Request::post("/").header("Upload-Length", "5");
        let response = service.oneshot(empty(request)).await.unwrap();
        assert_eq!(code(&response), "ERR_INTERNAL_SERVER_ERROR");
        assert!(!response.headers().contains_key("location"));
    }
}

/// A gate that refuses one action, and sets the ids of uploads.
#[derive(Debug)]
struct Refusing(Option<Action>);

#[async_trait]
impl Gate for Refusing {
    async fn creating(&self, request: &Parts, upload: &mut NewUpload) -> Result<(), Error> {
        let user = request.headers.get("x-user").ok_or(Error::Rejected)?;
        upload.id = format!("{}/upload", user.to_str().unwrap())
            .parse()
            .unwrap();
        Ok(())
    }

    async fn opened(&self, _: &Parts, _: &Upload, action: Action) -> Result<(), Error> {
        match self.0 {
            Some(refused) if refused == action => Err(Error::Rejected),
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn gates_refuse_and_change_what_passes_them() {
    let store = MemoryStore::default();
    let gated = |refused| GateLayer::new(Refusing(refused)).layer(Core::new(store.clone()));
    let request = || Request::post("/").header("Upload-Length", "5");
    let response = gated(None).oneshot(empty(request())).await.unwrap();
    assert_eq!(code(&response), "ERR_UPLOAD_REJECTED");
    let response = gated(None)
        .oneshot(empty(request().header("x-user", "ann")))
        .await
        .unwrap();
    assert_eq!(response.headers()["location"], "/ann/upload");

    let id: UploadId = "ann/upload".parse().unwrap();
    for (action, request) in [
        (Action::Inspect, Request::head("/ann/upload")),
        (Action::Append, patch(&id, "0")),
        (Action::Terminate, Request::delete("/ann/upload")),
    ] {
        let response = gated(Some(action)).oneshot(empty(request)).await.unwrap();
        assert_eq!(code(&response), "ERR_UPLOAD_REJECTED", "{action:?}");
    }
    assert_eq!(store.bytes(&id).unwrap(), "");
}
