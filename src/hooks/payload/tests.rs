//! Every event with its full text, and every effect of a reply.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::request::{Builder, Parts};
use http::{HeaderValue, Request, StatusCode, Version};
use tower_tus_layers::context::Context;
use tower_tus_layers::hooks::{Event, HookKind, Reply, Verdict};
use tower_tus_layers::protocol::{Concat, Length, Metadata, NewObject, Offset, Peer, Role, Upload};

use super::reply;

const STORAGE: &str = r#"{"InfoPath":"/up/a/b.info","Path":"/up/a/b","Type":"filestore"}"#;

fn upload() -> Upload {
    let mut upload = Upload::new("a/b".parse().unwrap());
    upload.length = Some(Length::from(11));
    upload.metadata = Metadata::parse(b"name PGE+,bytes /w==,empty").unwrap();
    let storage = [
        ("Path", "/up/a/b"),
        ("Type", "filestore"),
        ("InfoPath", "/up/a/b.info"),
    ];
    let storage = storage.map(|(key, value)| (key.to_owned(), value.to_owned()));
    upload.storage = Some(Arc::new(BTreeMap::from(storage)));
    upload
}

fn parts(request: Builder) -> Parts {
    let peer: std::net::SocketAddr = "127.0.0.1:5".parse().unwrap();
    let mut context = Context::default();
    context.set_peer(Peer::from(peer));
    let request = request.header("Host", "tus:8080").extension(context);
    request.body(()).unwrap().into_parts().0
}

fn text(kind: HookKind, upload: Upload, request: Builder) -> String {
    let event = Event::new(kind, upload, Arc::new(parts(request)));
    String::from_utf8(super::request(&event)).unwrap()
}

#[test]
fn pre_create_knows_no_id_and_no_place() {
    let mut upload = upload();
    upload.storage = None;
    let request = Request::post("/files/?a=b&c")
        .header("Upload-Length", "11")
        .header("X-Bytes", HeaderValue::from_bytes(b"\xe4").unwrap());
    let expected = concat!(
        r#"{"Type":"pre-create","Event":{"Upload":{"ID":"","Size":11,"SizeIsDeferred":false,"#,
        r#""Offset":0,"MetaData":{"bytes":""#,
        "\u{fffd}",
        r#"","empty":"","name":"\u003ca\u003e"},"IsPartial":false,"IsFinal":false,"#,
        r#""PartialUploads":null,"Storage":null},"HTTPRequest":{"Method":"POST","#,
        r#""URI":"/files/?a=b\u0026c","RemoteAddr":"127.0.0.1:5","#,
        r#""Header":{"Host":["tus:8080"],"Upload-Length":["11"],"X-Bytes":[""#,
        "\u{fffd}",
        r#""]}}}}"#,
    );
    assert_eq!(text(HookKind::PreCreate, upload, request), expected);
}

#[test]
fn all_other_events_are_the_same_but_for_their_type() {
    for kind in &HookKind::ALL[1..] {
        let mut upload = upload();
        upload.metadata = Metadata::EMPTY;
        upload.offset = Offset::from(5);
        let request = Request::patch("/files/a/b").header("tus-resumable", "1.0.0");
        let expected = format!(
            concat!(
                r#"{{"Type":"{}","Event":{{"Upload":{{"ID":"a/b","Size":11,"SizeIsDeferred":false,"#,
                r#""Offset":5,"MetaData":{{}},"IsPartial":false,"IsFinal":false,"#,
                r#""PartialUploads":null,"Storage":{}}},"HTTPRequest":{{"Method":"PATCH","#,
                r#""URI":"/files/a/b","RemoteAddr":"127.0.0.1:5","#,
                r#""Header":{{"Host":["tus:8080"],"Tus-Resumable":["1.0.0"]}}}}}}}}"#,
            ),
            kind, STORAGE
        );
        assert_eq!(text(*kind, upload, request), expected);
    }
}

#[test]
fn what_is_special_about_an_upload_is_told() {
    let told = |change: fn(&mut Upload)| {
        let mut upload = upload();
        change(&mut upload);
        let text = text(HookKind::PostFinish, upload, Request::post("/"));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        json["Event"]["Upload"].clone()
    };
    let deferred = told(|upload| upload.length = None);
    assert_eq!(deferred["Size"], 0);
    assert_eq!(deferred["SizeIsDeferred"], true);

    let partial = told(|upload| {
        let role = Role::Partial { awaited_by: vec![] };
        upload.concat = Some(Concat::new(role, None));
    });
    assert_eq!(partial["IsPartial"], true);
    assert_eq!(partial["PartialUploads"], serde_json::Value::Null);

    let made = told(|upload| {
        let parts = ["c", "d"].map(|id| id.parse().unwrap()).to_vec();
        let pending = false;
        upload.concat = Some(Concat::new(Role::Final { parts, pending }, None));
    });
    assert_eq!(made["IsFinal"], true);
    assert_eq!(made["IsPartial"], false);
    assert_eq!(made["PartialUploads"], serde_json::json!(["c", "d"]));
}

#[test]
fn a_request_without_a_known_peer_has_no_address() {
    let request = Request::get("/").version(Version::HTTP_2).body(()).unwrap();
    let event = Event::new(
        HookKind::PostFinish,
        upload(),
        Arc::new(request.into_parts().0),
    );
    let text = String::from_utf8(super::request(&event)).unwrap();
    assert!(
        text.contains(r#""RemoteAddr":"","Header":{"Host":[""]}"#),
        "{text}"
    );
}

fn read(kind: HookKind, json: &str) -> Reply {
    reply(kind, json.as_bytes()).unwrap()
}

fn is_refused(json: &str) {
    let error = reply(HookKind::PreCreate, json.as_bytes());
    assert!(error.is_err(), "{json} was taken");
}

#[test]
fn a_no_counts_at_its_own_moment() {
    let all = r#"{"RejectUpload": true, "RejectTermination": true, "StopUpload": true}"#;
    for &kind in HookKind::ALL {
        let verdict = match kind {
            HookKind::PreCreate | HookKind::PreTerminate => Verdict::Reject,
            HookKind::PostReceive => Verdict::Stop,
            _ => Verdict::Accept,
        };
        assert_eq!(read(kind, all).verdict, verdict, "{kind}");
    }
    for (kind, json) in [
        (
            HookKind::PreCreate,
            r#"{"RejectTermination": true, "StopUpload": true}"#,
        ),
        (
            HookKind::PreTerminate,
            r#"{"RejectUpload": true, "StopUpload": true}"#,
        ),
        (
            HookKind::PostReceive,
            r#"{"RejectUpload": true, "RejectTermination": true}"#,
        ),
    ] {
        assert_eq!(read(kind, json).verdict, Verdict::Accept, "{kind}");
    }
}

#[test]
fn a_creation_can_be_changed_and_nothing_else() {
    let json = r#"{"ChangeFileInfo": {
        "ID": "/x/y/", "MetaData": {"b": "2", "a": ""}, "Storage": {"Path": "/mnt/z", "Type": "s3"}}}"#;
    let reply = read(HookKind::PreCreate, json);
    assert_eq!(reply.id.unwrap().as_str(), "x/y");
    assert_eq!(reply.metadata.unwrap().raw().unwrap(), "a,b Mg==");
    assert_eq!(reply.storage_path.unwrap(), "/mnt/z");
    assert_eq!(read(HookKind::PostCreate, json), Reply::accept());
}

#[test]
fn a_hook_may_choose_the_object_and_its_properties() {
    let json = r#"{"ChangeFileInfo": {"Storage": {
        "Type": "s3store", "Key": "a b/c.bin", "Bucket": "other", "ContentType": "text/csv",
        "ContentDisposition": "attachment", "CacheControl": "no-store", "StorageClass": "GLACIER_IR",
        "Metadata": {"author": "Zoë"}, "Tags": {"a.b": "1", "empty": ""}}}}"#;
    let mut expected = NewObject::default();
    expected.key = Some("a b/c.bin".into());
    expected.bucket = Some("other".into());
    expected.content_type = Some("text/csv".into());
    expected.content_disposition = Some("attachment".into());
    expected.cache_control = Some("no-store".into());
    expected.storage_class = Some("GLACIER_IR".into());
    expected.metadata.insert("author".into(), "Zoë".into());
    expected.tags = [("a.b", "1"), ("empty", "")]
        .map(|(key, value)| (key.into(), value.into()))
        .into();
    let reply = read(HookKind::PreCreate, json);
    assert_eq!(reply, Reply::accept().with_object(expected));
    assert_eq!(read(HookKind::PostCreate, json), Reply::accept());
}

#[test]
fn a_hook_may_name_metadata_beyond_ascii() {
    let json = r#"{"ChangeFileInfo": {"MetaData": {"größe": "1"}}}"#;
    let metadata = read(HookKind::PreCreate, json).metadata.unwrap();
    assert_eq!(metadata.raw().unwrap().as_bytes(), "größe MQ==".as_bytes());
}

#[test]
fn what_is_empty_changes_nothing_but_metadata() {
    let json = r#"{"ChangeFileInfo": {"ID": "", "MetaData": {}, "Storage": {"Path": "", "Key": "", "Bucket": null, "Tags": {}}},
        "HTTPResponse": {"StatusCode": 0, "Body": "", "Header": {}}}"#;
    let mut expected = Reply::accept();
    expected.metadata = Some(Metadata::EMPTY);
    assert_eq!(read(HookKind::PreCreate, json), expected);
}

#[test]
fn a_response_is_amended() {
    let json = r#"{"HTTPResponse": {"StatusCode": 402, "Body": "no", "Header":
        {"content-type": "text/html", "Location": "/else", "Content-Length": "99", "X-Name": "ä"}}}"#;
    let response = read(HookKind::PreFinish, json).response;
    assert_eq!(response.status, Some(StatusCode::PAYMENT_REQUIRED));
    assert_eq!(response.body.unwrap(), "no");
    assert_eq!(response.headers["content-type"], "text/html");
    assert_eq!(response.headers["location"], "/else");
    assert_eq!(response.headers["x-name"].as_bytes(), "ä".as_bytes());
    assert_eq!(response.headers.len(), 3, "its length is the message's own");
}

#[test]
fn what_cannot_be_carried_out_is_refused() {
    for id in ["../a", "a b", "/", "a/../b", "a.info", "ä"] {
        is_refused(&format!(r#"{{"ChangeFileInfo": {{"ID": "{id}"}}}}"#));
    }
    for key in ["", "a b", "a,b", "a\\tb"] {
        is_refused(&format!(
            r#"{{"ChangeFileInfo": {{"MetaData": {{"{key}": "x"}}}}}}"#
        ));
    }
    for code in ["-1", "1", "100", "199", "600", "70000"] {
        is_refused(&format!(r#"{{"HTTPResponse": {{"StatusCode": {code}}}}}"#));
    }
    for header in [r#"{"a b": "c"}"#, r#"{"": "c"}"#, r#"{"a": "b\nc"}"#] {
        is_refused(&format!(r#"{{"HTTPResponse": {{"Header": {header}}}}}"#));
    }
    for key in ["path", "bucket", "Tags", "Keys.a", ""] {
        is_refused(&format!(
            r#"{{"ChangeFileInfo": {{"Storage": {{"{key}": "x"}}}}}}"#
        ));
    }
    is_refused("ok");
}

#[test]
fn a_misspelt_member_fails_a_question_and_nothing_else() {
    for json in [
        r#"{"RejectUplod": true}"#,
        r#"{"HTTPResponse": {"StatusCod": 402}}"#,
        r#"{"ChangeFileInfo": {"Metadate": {}}}"#,
    ] {
        for &kind in HookKind::ALL {
            let reply = super::reply(kind, json.as_bytes());
            assert_eq!(reply.is_err(), kind.is_question(), "{kind}: {json}");
        }
    }
    let stop = r#"{"StopUpload": true, "Reason": "too large"}"#;
    assert_eq!(read(HookKind::PostReceive, stop), Reply::stop());
}
