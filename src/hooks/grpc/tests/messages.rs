//! The content of the messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderValue, Request, StatusCode, Version};
use tower_tus_layers::context::Context;
use tower_tus_layers::hooks::{HookKind, Reply, Verdict};
use tower_tus_layers::protocol::{
    BoxError, Concat, Length, Metadata, Offset, Peer, ResponseOverride, Role, Upload,
};

use super::super::message::{
    FileInfo, FileInfoChanges, HookRequest, HookResponse, HttpRequest, HttpResponse,
};
use super::{event, post_finish};
use crate::hooks::payload;

/// Reads a response to the event `kind`.
fn reply(kind: HookKind, message: HookResponse) -> Result<Reply, BoxError> {
    Ok(payload::HookResponse::from(message).into_reply(kind)?)
}

fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    BTreeMap::from(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())))
}

fn from(peer: Peer) -> Context {
    let mut context = Context::default();
    context.set_peer(peer);
    context
}

#[test]
fn a_request_has_the_first_value_of_each_header_under_gos_name() {
    let request = Request::post("/files/?a=b")
        .version(Version::HTTP_11)
        .extension(from(Peer::UNIX))
        .header("host", "tus.example:8080")
        .header("x-request-id", "one")
        .header("x-request-id", "two")
        .header("etag", HeaderValue::from_bytes(b"a\xff").unwrap())
        .header("cookie", "a=1")
        .header("cookie", "b=2");
    let (request, ()) = request.body(()).unwrap().into_parts();
    let expected = HttpRequest {
        method: "POST".to_owned(),
        uri: "/files/?a=b".to_owned(),
        remote_addr: "@".to_owned(),
        header: map([
            ("Cookie", "a=1"),
            ("Etag", "a\u{fffd}"),
            ("Host", "tus.example:8080"),
            ("X-Request-Id", "one"),
        ]),
    };
    assert_eq!(HttpRequest::from(&request), expected);
}

#[test]
fn over_http2_the_host_is_the_authority_and_cookies_are_one() {
    let request = Request::post("http://tus.example/files/")
        .version(Version::HTTP_2)
        .header("cookie", "a=1")
        .header("cookie", "b=2");
    let (request, ()) = request.body(()).unwrap().into_parts();
    let expected = HttpRequest {
        method: "POST".to_owned(),
        uri: "/files/".to_owned(),
        remote_addr: String::new(),
        header: map([("Cookie", "a=1; b=2"), ("Host", "tus.example")]),
    };
    assert_eq!(HttpRequest::from(&request), expected);
}

#[test]
fn an_upload_has_all_that_is_known_of_it() {
    let mut upload = Upload::new("a/b".parse().unwrap());
    upload.offset = Offset::from(5);
    let mut expected = FileInfo {
        id: "a/b".to_owned(),
        size_is_deferred: true,
        offset: 5,
        ..FileInfo::default()
    };
    assert_eq!(FileInfo::from(&upload), expected);

    upload.length = Some(Length::from(11));
    upload.metadata = Metadata::from_pairs([("name", &b"a\xff"[..]), ("none", b"")]).unwrap();
    upload.storage = Some(Arc::new(map([("Type", "filestore"), ("Path", "/a/b")])));
    upload.concat = Some(Concat::new(
        Role::Partial {
            awaited_by: Vec::new(),
        },
        None,
    ));
    expected.size = 11;
    expected.size_is_deferred = false;
    expected.meta_data = map([("name", "a\u{fffd}"), ("none", "")]);
    expected.storage = map([("Type", "filestore"), ("Path", "/a/b")]);
    expected.is_partial = true;
    assert_eq!(FileInfo::from(&upload), expected);

    let parts = ["b", "a"].map(|id| id.parse().unwrap()).to_vec();
    upload.concat = Some(Concat::new(
        Role::Final {
            parts,
            pending: false,
        },
        None,
    ));
    expected.is_partial = false;
    expected.is_final = true;
    expected.partial_uploads = vec!["b".to_owned(), "a".to_owned()];
    assert_eq!(FileInfo::from(&upload), expected);
}

#[test]
fn an_upload_has_no_id_before_it_is_made() {
    let id = |event| {
        let request = HookRequest::from(&event);
        (request.r#type, request.event.unwrap().upload.unwrap().id)
    };
    let pre_create = event(HookKind::PreCreate, Request::new(()).into_parts().0);
    assert_eq!(id(pre_create), ("pre-create".to_owned(), String::new()));
    assert_eq!(
        id(post_finish()),
        ("post-finish".to_owned(), "a/b".to_owned())
    );
}

#[test]
fn an_empty_answer_changes_nothing() {
    let empty = HookResponse {
        http_response: Some(HttpResponse::default()),
        change_file_info: Some(FileInfoChanges::default()),
        ..HookResponse::default()
    };
    for &kind in HookKind::ALL {
        assert_eq!(reply(kind, empty.clone()).unwrap(), Reply::accept());
    }
}

#[test]
fn a_verdict_counts_at_its_moment_only() {
    let all = HookResponse {
        reject_upload: true,
        stop_upload: true,
        reject_termination: true,
        ..HookResponse::default()
    };
    for &kind in HookKind::ALL {
        let verdict = match kind {
            HookKind::PreCreate | HookKind::PreTerminate => Verdict::Reject,
            HookKind::PostReceive => Verdict::Stop,
            _ => Verdict::Accept,
        };
        assert_eq!(reply(kind, all.clone()).unwrap().verdict, verdict, "{kind}");
    }
    let another = HookResponse {
        stop_upload: true,
        reject_termination: true,
        ..HookResponse::default()
    };
    let verdict = reply(HookKind::PreCreate, another).unwrap().verdict;
    assert_eq!(verdict, Verdict::Accept);
}

#[test]
fn an_answer_changes_the_upload_before_it_is_made_and_the_response() {
    let message = HookResponse {
        http_response: Some(HttpResponse {
            status_code: 402,
            header: map([("X-Price", "2 EUR"), ("Content-Length", "5")]),
            body: "pay\n".to_owned(),
        }),
        change_file_info: Some(FileInfoChanges {
            id: "/c/d/".to_owned(),
            meta_data: map([("name", "x")]),
            storage: map([("Path", "/c"), ("Type", "filestore"), ("Tags.a", "b")]),
        }),
        ..HookResponse::default()
    };
    let response = ResponseOverride::default()
        .with_status(StatusCode::PAYMENT_REQUIRED)
        .with_header(
            "x-price".parse().unwrap(),
            HeaderValue::from_static("2 EUR"),
        )
        .with_body("pay\n");
    let mut expected = Reply::accept().with_response(response);
    assert_eq!(
        reply(HookKind::PreFinish, message.clone()).unwrap(),
        expected
    );
    expected.id = Some("c/d".parse().unwrap());
    expected.metadata = Some(Metadata::from_pairs([("name", "x")]).unwrap());
    expected.storage_path = Some("/c".to_owned());
    expected.object.tags = map([("a", "b")]);
    assert_eq!(reply(HookKind::PreCreate, message).unwrap(), expected);
}

#[test]
fn an_answer_that_nobody_can_follow_is_a_failure() {
    let response = |code, name, value| HookResponse {
        http_response: Some(HttpResponse {
            status_code: code,
            header: map([(name, value)]),
            body: String::new(),
        }),
        ..HookResponse::default()
    };
    let change = |id: &str, key| HookResponse {
        change_file_info: Some(FileInfoChanges {
            id: id.to_owned(),
            meta_data: map([(key, "")]),
            ..FileInfoChanges::default()
        }),
        ..HookResponse::default()
    };
    for bad in [
        response(42, "a", "b"),
        response(100, "a", "b"),
        response(600, "a", "b"),
        response(-1, "a", "b"),
        response(65_736, "a", "b"),
        response(0, "a b", "b"),
        response(0, "a", "b\r\nc: d"),
        change("../a", "a"),
        change("a", "b c"),
    ] {
        assert!(reply(HookKind::PreCreate, bad.clone()).is_err(), "{bad:?}");
    }
}

#[test]
fn an_answer_lets_a_client_go_on_that_lost_the_first_one() {
    let message = HookResponse {
        reject_upload: true,
        http_response: Some(HttpResponse {
            status_code: 201,
            header: map([("Location", "/files/alice/report")]),
            body: String::new(),
        }),
        ..HookResponse::default()
    };
    let reply = reply(HookKind::PreCreate, message).unwrap();
    assert_eq!(reply.verdict, Verdict::Reject);
    assert_eq!(reply.response.status, Some(StatusCode::CREATED));
    assert_eq!(reply.response.headers["location"], "/files/alice/report");
}

#[test]
fn an_id_that_is_none_is_named_with_the_rule() {
    for id in ["a b", "\u{fc}ber", "a.chunk"] {
        let message = HookResponse {
            change_file_info: Some(FileInfoChanges {
                id: id.to_owned(),
                ..FileInfoChanges::default()
            }),
            ..HookResponse::default()
        };
        let error = reply(HookKind::PreCreate, message).unwrap_err().to_string();
        assert!(
            error.contains(id) && error.contains("A-Z a-z 0-9"),
            "{error}"
        );
    }
}
