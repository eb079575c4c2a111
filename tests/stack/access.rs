//! Access policies: only its owner can reach an upload.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::request::{Builder, Parts};
use http::{Method, Request, Response, StatusCode};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tower::util::MapRequestLayer;
use tower_tus::{AccessRequest, Action, Body, Error, Gate, MemoryStore, Stack, TusService, Upload};

use crate::{append, channel, code, creation, location, request, send};

/// Returns a stack whose only user sends `x-user: owner`.
fn owned(store: &MemoryStore) -> Stack {
    let policy = async |request: AccessRequest| match request.parts().headers.get("x-user") {
        Some(user) if user == "owner" => Ok(()),
        _ => Err(Error::AccessDenied),
    };
    Stack::new(store.clone()).access(policy)
}

fn by_owner(request: Builder) -> Builder {
    request.header("x-user", "owner")
}

async fn create(service: &TusService, concat: Option<&str>) -> String {
    let mut creation = by_owner(creation());
    if let Some(concat) = concat {
        creation = creation.header("Upload-Concat", concat);
    }
    location(&send(service, creation, "").await)
}

#[tokio::test]
async fn a_stranger_neither_creates_nor_reads_nor_changes_nor_terminates() {
    let store = MemoryStore::default();
    let service = owned(&store).into_service();
    let url = create(&service, None).await;
    // In an order in which the owner can do all of them.
    for (wanted, body, status) in [
        (creation as fn() -> Builder, "", StatusCode::CREATED),
        (|| request(Method::HEAD, "/URL"), "", StatusCode::OK),
        (|| append("/URL"), "hello", StatusCode::NO_CONTENT),
        (|| request(Method::GET, "/URL"), "", StatusCode::OK),
        (
            || request(Method::DELETE, "/URL"),
            "",
            StatusCode::NO_CONTENT,
        ),
    ] {
        let wanted = || match wanted().body(()).unwrap().uri().path() {
            "/URL" => at(wanted(), &url),
            _ => wanted(),
        };
        let before = format!("{store:?} {:?}", bytes(&store, &url));
        let denied = send(&service, wanted(), body).await;
        assert_eq!(denied.status(), StatusCode::FORBIDDEN);
        assert_eq!(code(&denied), "ERR_ACCESS_DENIED");
        assert_eq!(denied.headers()["tus-resumable"], "1.0.0");
        assert_eq!(before, format!("{store:?} {:?}", bytes(&store, &url)));

        let allowed = send(&service, by_owner(wanted()), body).await;
        assert_eq!(allowed.status(), status);
    }
}

/// Redirects the request to another URL.
fn at(request: Builder, url: &str) -> Builder {
    request.uri(url)
}

fn bytes(store: &MemoryStore, url: &str) -> Option<bytes::Bytes> {
    store.bytes(&url.trim_start_matches("/files/").parse().unwrap())
}

/// A gate that signals when the holder has the upload.
#[derive(Debug)]
struct Opened(mpsc::UnboundedSender<()>);

#[async_trait]
impl Gate for Opened {
    async fn opened(&self, _: &Parts, _: &Upload, action: Action) -> Result<(), Error> {
        if action == Action::Append {
            self.0.send(()).unwrap();
        }
        Ok(())
    }
}

/// The owner during an upload.
struct Holder {
    service: TusService,
    url: String,
    sender: mpsc::UnboundedSender<&'static str>,
    answer: JoinHandle<Response<Body>>,
}

async fn holder() -> Holder {
    let (opened, mut is_open) = mpsc::unbounded_channel();
    let service = owned(&MemoryStore::default())
        .unfinished_concatenation()
        .add_gate(Opened(opened))
        .into_service();
    let url = create(&service, Some("partial")).await;
    let (sender, body) = channel();
    sender.send("hel").unwrap();
    let answer = tokio::spawn({
        let (service, append) = (service.clone(), by_owner(append(&url)));
        async move { send(&service, append, body).await }
    });
    is_open.recv().await.unwrap();
    Holder {
        service,
        url,
        sender,
        answer,
    }
}

#[tokio::test]
async fn a_stranger_interrupts_nobody() {
    let holder = holder().await;
    let list = format!("final;{}", holder.url);
    let with_part = request(Method::POST, "/files/").header("Upload-Concat", list);
    for request in [
        request(Method::HEAD, &holder.url),
        append(&holder.url),
        request(Method::DELETE, &holder.url),
        request(Method::GET, &holder.url),
        with_part,
    ] {
        let denied = send(&holder.service, request, "").await;
        assert_eq!(denied.status(), StatusCode::FORBIDDEN);
    }
    holder.sender.send("lo").unwrap();
    drop(holder.sender);
    let answer = holder.answer.await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(answer.headers()["upload-offset"], "5");
}

#[tokio::test]
async fn the_owner_interrupts_an_upload_that_hangs() {
    let holder = holder().await;
    let head = by_owner(request(Method::HEAD, &holder.url));
    let found = send(&holder.service, head, "").await;
    assert_eq!(found.headers()["upload-offset"], "3");
    let answer = holder.answer.await.unwrap();
    assert_eq!(code(&answer), "ERR_UPLOAD_INTERRUPTED");
}

/// The requests that reached a policy which denies some actions.
type Asked = Arc<Mutex<Vec<(Action, String)>>>;

fn asked_stack(denied: Option<Action>) -> (Asked, TusService) {
    let asked = Asked::default();
    let policy = {
        let asked = Arc::clone(&asked);
        move |request: AccessRequest| {
            let id = request.id().map(ToString::to_string).unwrap_or_default();
            asked.lock().unwrap().push((request.action(), id));
            let is_denied = denied == Some(request.action());
            async move {
                if is_denied {
                    Err(Error::NotFound)
                } else {
                    Ok(())
                }
            }
        }
    };
    let stack = Stack::new(MemoryStore::default()).access(policy);
    (asked, stack.into_service())
}

async fn two_parts(service: &TusService) -> Vec<String> {
    let mut urls = Vec::new();
    for _ in 0..2 {
        let part = creation().header("Upload-Concat", "partial");
        let part = part.header("Content-Type", "application/offset+octet-stream");
        urls.push(location(&send(service, part, "hello").await));
    }
    urls
}

async fn concatenate(service: &TusService, parts: &[String]) -> Response<Body> {
    let list = format!("final;{} {} {}", parts[1], parts[0], parts[1]);
    let all = request(Method::POST, "/files/").header("Upload-Concat", list);
    send(service, all, "").await
}

#[tokio::test]
async fn a_final_asks_for_its_creation_and_once_for_each_part() {
    let (asked, service) = asked_stack(None);
    let parts = two_parts(&service).await;
    asked.lock().unwrap().clear();
    let made = concatenate(&service, &parts).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let id = |url: &str| url.trim_start_matches("/files/").to_owned();
    let expected = [
        (Action::Create, String::new()),
        (Action::Concatenate, id(&parts[1])),
        (Action::Concatenate, id(&parts[0])),
    ];
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn no_final_is_made_of_the_uploads_of_others() {
    let (_, service) = asked_stack(Some(Action::Concatenate));
    let parts = two_parts(&service).await;
    let denied = concatenate(&service, &parts).await;
    assert_eq!(denied.status(), StatusCode::NOT_FOUND);
    assert!(!denied.headers().contains_key("location"));
}

#[tokio::test]
async fn a_creation_with_bytes_is_one_question_also_when_it_is_rolled_back() {
    for (checksum, status) in [
        ("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=", 201),
        ("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=", 460),
    ] {
        let (asked, service) = asked_stack(Some(Action::Terminate));
        let creation = creation()
            .header("Content-Type", "application/offset+octet-stream")
            .header("Upload-Checksum", checksum);
        let answer = send(&service, creation, "hello").await;
        assert_eq!(answer.status(), status);
        assert_eq!(*asked.lock().unwrap(), [(Action::Create, String::new())]);
    }
}

#[tokio::test]
async fn the_policy_sees_what_a_layer_before_the_lock_has_found_out() {
    #[derive(Clone)]
    struct User(String);
    let authenticate = MapRequestLayer::new(|mut request: Request<Body>| {
        if let Some(user) = request.headers().get("x-user") {
            let user = User(user.to_str().unwrap().to_owned());
            request.extensions_mut().insert(user);
        }
        request
    });
    let service = Stack::new(MemoryStore::default())
        .access(async |request: AccessRequest| match request.extension() {
            Some(User(name)) if name == "owner" => Ok(()),
            _ => Err(Error::AccessDenied),
        })
        .layer_before_lock(authenticate)
        .into_service();
    let denied = send(&service, creation(), "").await;
    assert_eq!(denied.status(), StatusCode::FORBIDDEN);
    let allowed = send(&service, by_owner(creation()), "").await;
    assert_eq!(allowed.status(), StatusCode::CREATED);
}
