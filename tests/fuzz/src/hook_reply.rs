use std::path::{Component, Path};

use http::StatusCode;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;
use tower_tus::layers::hooks::{Event, HookKind, HookKinds, Hooks, Reply, Verdict};
use tower_tus::layers::protocol::BoxError;
use tower_tus::{async_trait, fuzzing};

use crate::runtime::run;
use crate::world::{World, create};

/// The reply of a hook: the first byte is the kind of event, with a capital for a gRPC
/// service, and the rest is the reply.
pub fn hook_reply(data: &[u8]) {
    let Some((&first, reply)) = data.split_first() else {
        return;
    };
    let kind = match first.to_ascii_lowercase() {
        b'c' => HookKind::PreCreate,
        b'f' => HookKind::PreFinish,
        b't' => HookKind::PreTerminate,
        b'r' => HookKind::PostReceive,
        _ => HookKind::PostCreate,
    };
    let read = match first.is_ascii_uppercase() {
        true => fuzzing::grpc_reply(kind, reply),
        false => fuzzing::json_reply(kind, reply),
    };
    match read {
        Ok(reply) => {
            is_possible(kind, &reply);
            is_read_as_written(kind, &reply);
            run(is_carried_out(kind, reply));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A hook decides only what it is asked, and sets nothing that frames the message.
fn is_possible(kind: HookKind, reply: &Reply) {
    let allowed = match kind {
        HookKind::PreCreate | HookKind::PreTerminate => Verdict::Reject,
        HookKind::PostReceive => Verdict::Stop,
        _ => Verdict::Accept,
    };
    assert!([Verdict::Accept, allowed].contains(&reply.verdict));
    if kind != HookKind::PreCreate {
        assert_eq!(
            (&reply.id, &reply.metadata, &reply.storage_path),
            (&None, &None, &None)
        );
        assert!(reply.object.is_empty());
    }
    for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE] {
        assert!(!reply.response.headers.contains_key(name));
    }
    let status = reply.response.status.map_or(200, |status| status.as_u16());
    assert!((200..600).contains(&status), "{status}");
    if let Some(id) = &reply.id {
        let mut parts = Path::new(id.as_str()).components();
        assert!(parts.all(|part| matches!(part, Component::Normal(_))));
    }
}

/// A reply that is written as JSON is read as it was.
fn is_read_as_written(kind: HookKind, reply: &Reply) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let change = &reply.response;
    let header = change.headers.iter();
    let header = header.map(|(name, value)| (name.to_string(), text(value.as_bytes()).into()));
    let metadata = reply.metadata.as_ref().map(|metadata| {
        let pairs = metadata.iter();
        let pairs = pairs.map(|(key, value)| (key.to_owned(), text(value).into()));
        pairs.collect::<serde_json::Map<_, _>>()
    });
    let object = &reply.object;
    let json = json!({
        "HTTPResponse": {
            "StatusCode": change.status.map_or(0, |status| status.as_u16()),
            "Body": change.body.as_deref().map(text),
            "Header": header.collect::<serde_json::Map<_, _>>(),
        },
        "RejectUpload": reply.verdict == Verdict::Reject,
        "RejectTermination": reply.verdict == Verdict::Reject,
        "StopUpload": reply.verdict == Verdict::Stop,
        "ChangeFileInfo": {
            "ID": reply.id.as_ref().map(ToString::to_string),
            "MetaData": metadata,
            "Storage": {
                "Path": reply.storage_path,
                "Key": object.key,
                "Bucket": object.bucket,
                "ContentType": object.content_type,
                "ContentDisposition": object.content_disposition,
                "CacheControl": object.cache_control,
                "StorageClass": object.storage_class,
                "Metadata": object.metadata,
                "Tags": object.tags,
            },
        },
    });
    let again = fuzzing::json_reply(kind, json.to_string().as_bytes());
    assert_eq!(&again.expect("it is valid"), reply);
}

/// The client gets the response that the hook wants, in the form of a stack.
async fn is_carried_out(kind: HookKind, reply: Reply) {
    let hook = Always(kind, reply.clone());
    let world = World::of(|stack| stack.hooks(hook).hook_kinds(HookKinds::ALL));
    let request = create("5").header("Content-Type", "application/offset+octet-stream");
    let created = world.service();
    let request = request.body("hello".into()).expect("it is valid");
    let Ok(response) = created.oneshot(request).await;
    let status = response.status();
    let is_asked = kind == HookKind::PreCreate;
    if is_asked && reply.verdict == Verdict::Reject {
        let expected = reply.response.status.unwrap_or(StatusCode::BAD_REQUEST);
        assert_eq!(status, expected);
    }
    if let Some(id) = reply.id.filter(|_| status == StatusCode::CREATED) {
        assert_eq!(world.bytes(id.as_str()).as_deref(), Some(&b"hello"[..]));
    }
    assert_eq!(response.headers()["tus-resumable"], "1.0.0");
    assert!(response.into_body().collect().await.is_ok());
}

/// A hook that replies the same to each event of a kind.
#[derive(Debug)]
struct Always(HookKind, Reply);

#[async_trait]
impl Hooks for Always {
    async fn call(&self, event: &Event) -> Result<Reply, BoxError> {
        match event.kind == self.0 {
            true => Ok(self.1.clone()),
            false => Ok(Reply::accept()),
        }
    }
}
