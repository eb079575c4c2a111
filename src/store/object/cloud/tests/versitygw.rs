//! S3 against versitygw.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use object_store::client::{HttpRequest, HttpRequestBody};
use rustls::RootCertStore;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::s3::ODD;
use crate::http_client::{Trust, config};
use crate::store::object::cloud::S3;
use crate::store::object::cloud::transport::Transport;
use crate::store::object::objects::{
    Multipart, MultipartId, ObjectError, Objects, PartNumber, Payload, Properties, Result, Tag,
    When,
};

#[allow(dead_code, reason = "one function is enough")]
#[path = "../../../../../tests/harness/services.rs"]
mod services;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/go/versitygw");

/// A gateway over a temporary directory, which ends with the test.
struct Gateway {
    address: String,
    _root: TempDir,
    _process: Child,
}

impl Gateway {
    /// Starts a gateway with one bucket, unless the program is missing.
    async fn start() -> Option<Self> {
        Self::start_with(|_| Vec::new()).await
    }

    /// The same, with options that need the gateway's directory.
    async fn start_with(options: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        let install = "(cd tests/s3/go && go build -o ../../../target/go/versitygw tool)";
        if !services::require("versitygw", Path::new(PROGRAM).exists(), install) {
            return None;
        }
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("bucket")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        let address = port.unwrap().to_string();
        let process = Command::new(PROGRAM)
            .args([
                "--port", &address, "--access", "access", "--secret", "secret",
            ])
            .args(["--quiet", "--keep-alive"])
            .args(options(root.path()))
            .arg("posix")
            .arg(root.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        while TcpStream::connect(&address).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        Some(Self {
            address,
            _root: root,
            _process: process,
        })
    }

    fn settings(&self) -> S3 {
        S3::new("bucket").endpoint(&self.address).without_tls()
    }

    fn bucket(&self) -> Arc<dyn Objects> {
        self.settings().keys("access", "secret").open().unwrap()
    }
}

async fn put(bucket: &dyn Objects, key: &str, text: &str, when: When<'_>) -> Result<Tag> {
    let payload = Payload::from(text.to_owned());
    bucket.put(key, payload, when, &Properties::default()).await
}

async fn text(bucket: &dyn Objects, key: &str) -> String {
    let object = bucket.get(key, None).await.unwrap();
    String::from_utf8(object.bytes.into()).unwrap()
}

fn properties() -> Properties {
    Properties {
        content_type: Some("text/plain".to_owned()),
        content_disposition: Some("inline".to_owned()),
        cache_control: Some("no-store".to_owned()),
        metadata: [("tower-tus".to_owned(), "nonce".to_owned())].into(),
        tags: [("a b".to_owned(), "c+d".to_owned())].into(),
        ..Properties::default()
    }
}

fn mib(byte: u8, mib: usize) -> Payload {
    Payload::from(vec![byte; mib << 20])
}

async fn begin(bucket: &dyn Objects, key: &str) -> MultipartId {
    bucket.begin(key, &properties()).await.unwrap()
}

async fn part(
    bucket: &dyn Objects,
    key: &str,
    multipart: &MultipartId,
    number: PartNumber,
    payload: Payload,
) -> (PartNumber, Tag) {
    let tag = bucket.put_part(key, multipart, number, payload).await;
    (number, tag.unwrap())
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_put() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = gateway.bucket();
    let payload: Payload = ["ab", "", "cde"].map(Bytes::from).into_iter().collect();
    let put = bucket.put(ODD, payload, When::Always, &properties()).await;
    let object = bucket.get(ODD, None).await.unwrap();
    assert_eq!(object.bytes, "abcde");
    assert_eq!(object.found.tag, put.unwrap());
    assert_eq!(object.found.metadata["tower-tus"], "nonce");
    assert!(object.found.modified.is_some());
    assert_eq!(bucket.head(ODD).await.unwrap(), object.found);
    let range = bucket.get(ODD, Some(1..3)).await.unwrap();
    assert_eq!((&*range.bytes, range.found.size), (&b"bc"[..], 5));

    bucket.delete(ODD).await.unwrap();
    bucket.delete(ODD).await.unwrap();
    assert!(matches!(bucket.head(ODD).await, Err(ObjectError::NotFound)));
    assert!(matches!(
        bucket.get(ODD, None).await,
        Err(ObjectError::NotFound)
    ));
}

#[tokio::test]
async fn one_of_eight_puts_wins() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = gateway.bucket();
    for round in 0..3 {
        let key = format!("key-{round}");
        let first = race(&bucket, &key, When::Absent).await;
        race(&bucket, &key, When::Match(&first)).await;
    }
}

/// Puts eight objects at once, and returns the tag of the only one that wins.
async fn race(bucket: &Arc<dyn Objects>, key: &str, when: When<'_>) -> Tag {
    let before = match when {
        When::Match(tag) => Some(tag.clone()),
        When::Always | When::Absent => None,
    };
    let mut calls = tokio::task::JoinSet::new();
    for call in 0..8 {
        let (bucket, key, before) = (bucket.clone(), key.to_owned(), before.clone());
        calls.spawn(async move {
            let when = before.as_ref().map_or(When::Absent, When::Match);
            let text = format!("{call} after {before:?}");
            put(&*bucket, &key, &text, when).await
        });
    }
    let mut winners = Vec::new();
    for result in calls.join_all().await {
        match result {
            Ok(tag) => winners.push(tag),
            Err(ObjectError::Refused | ObjectError::Busy(_)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(bucket.head(key).await.unwrap().tag, winners[0]);
    winners.remove(0)
}

#[tokio::test]
async fn a_condition_is_refused_where_nothing_could_match() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = gateway.bucket();
    let tag = Tag("\"d41d8cd98f00b204e9800998ecf8427e\"".to_owned());
    let missing = put(&*bucket, "key", "a", When::Match(&tag)).await;
    assert!(matches!(missing, Err(ObjectError::Refused)), "{missing:?}");
}

#[tokio::test]
async fn an_object_is_made_of_parts_with_gaps() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    let multipart = begin(bucket, ODD).await;
    part(bucket, ODD, &multipart, 18, mib(b'x', 1)).await;
    let mut parts = vec![part(bucket, ODD, &multipart, 2, mib(b'a', 5)).await];
    parts.push(part(bucket, ODD, &multipart, 18, Payload::from("b")).await);

    let sent = bucket.parts(ODD, &multipart, 0).await.unwrap();
    let found = sent
        .parts
        .iter()
        .map(|part| (part.number, part.tag.clone()));
    assert_eq!(found.collect::<Vec<_>>(), parts);
    let behind = bucket.parts(ODD, &multipart, 2).await.unwrap();
    assert_eq!((behind.parts.len(), behind.parts[0].size), (1, 1));

    let tag = bucket.complete(ODD, &multipart, &parts, When::Absent).await;
    let found = bucket.head(ODD).await.unwrap();
    assert_eq!((found.tag, found.size), (tag.unwrap(), (5 << 20) + 1));
    assert_eq!(found.metadata["tower-tus"], "nonce");
    let end = bucket.get(ODD, Some((5 << 20) - 1..(5 << 20) + 1)).await;
    assert_eq!(end.unwrap().bytes, "ab");
}

#[tokio::test]
async fn a_completion_checks_its_condition_and_its_parts() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    put(bucket, "key", "before", When::Absent).await.unwrap();
    let multipart = begin(bucket, "key").await;
    let small = part(bucket, "key", &multipart, 1, Payload::from("a")).await;
    let last = part(bucket, "key", &multipart, 2, Payload::from("b")).await;
    let parts = [last.clone()];
    let refused = bucket
        .complete("key", &multipart, &parts, When::Absent)
        .await;
    assert!(matches!(refused, Err(ObjectError::Refused)), "{refused:?}");
    let too_small = bucket
        .complete("key", &multipart, &[small, last.clone()], When::Always)
        .await;
    assert!(
        matches!(too_small, Err(ObjectError::Invalid(_))),
        "{too_small:?}"
    );
    let other = [(2, Tag("\"d41d8cd98f00b204e9800998ecf8427e\"".to_owned()))];
    let other = bucket
        .complete("key", &multipart, &other, When::Always)
        .await;
    assert!(matches!(other, Err(ObjectError::Invalid(_))), "{other:?}");
    assert_eq!(text(bucket, "key").await, "before");

    let before = bucket.head("key").await.unwrap().tag;
    let when = When::Match(&before);
    bucket
        .complete("key", &multipart, &parts, when)
        .await
        .unwrap();
    assert_eq!(text(bucket, "key").await, "b");
}

#[tokio::test]
async fn a_multipart_upload_that_was_aborted_is_not_found() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    let multipart = begin(bucket, "key").await;
    let parts = [part(bucket, "key", &multipart, 1, Payload::from("a")).await];
    bucket.abort("key", &multipart).await.unwrap();
    bucket.abort("key", &multipart).await.unwrap();
    let late = bucket
        .put_part("key", &multipart, 1, Payload::from("a"))
        .await;
    assert!(matches!(late, Err(ObjectError::NotFound)), "{late:?}");
    let late = bucket
        .complete("key", &multipart, &parts, When::Absent)
        .await;
    assert!(matches!(late, Err(ObjectError::NotFound)), "{late:?}");
    let late = bucket.parts("key", &multipart, 0).await;
    assert!(matches!(late, Err(ObjectError::NotFound)), "{late:?}");
}

#[tokio::test]
async fn a_part_is_copied_from_a_range_of_an_object() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    put(bucket, ODD, "0123456789", When::Absent).await.unwrap();
    let multipart = begin(bucket, "copy").await;
    let tag = bucket.copy_part("copy", &multipart, 3, ODD, 2..6).await;
    let parts = [(3, tag.unwrap())];
    bucket
        .complete("copy", &multipart, &parts, When::Absent)
        .await
        .unwrap();
    assert_eq!(text(bucket, "copy").await, "2345");
    let multipart = begin(bucket, "copy").await;
    let missing = bucket.copy_part("copy", &multipart, 1, "none", 0..1).await;
    assert!(matches!(missing, Err(ObjectError::NotFound)), "{missing:?}");
}

#[tokio::test]
async fn objects_and_multipart_uploads_are_listed_by_prefix_behind_a_key() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    let mut begun = Vec::new();
    for key in ["a", "p/a", "p/a-b", "p/b/c", "q"] {
        put(bucket, key, key, When::Absent).await.unwrap();
        begun.push((key, begin(bucket, key).await));
    }
    let list = bucket.list("p/", Some("p/a")).await.unwrap();
    let keys: Vec<_> = list.objects.iter().map(|object| &*object.key).collect();
    assert_eq!(keys, ["p/a-b", "p/b/c"]);
    assert_eq!(list.objects[0].size, 5);
    assert!(list.objects[0].modified.is_some());
    assert!(!list.is_truncated);
    assert_eq!(bucket.list("", None).await.unwrap().objects.len(), 5);

    let found = bucket.multiparts("p/", None).await.unwrap().multiparts;
    let found: Vec<_> = found.iter().map(key_and_id).collect();
    assert_eq!(found, begun[1..4]);
}

fn key_and_id(multipart: &Multipart) -> (&str, MultipartId) {
    assert!(multipart.begun.is_some());
    (&multipart.key, multipart.id.clone())
}

#[tokio::test]
async fn anybody_can_download_from_a_signed_url() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    put(bucket, ODD, "abc", When::Absent).await.unwrap();
    let content = Properties {
        content_type: Some("text/x-a".to_owned()),
        content_disposition: Some("attachment; filename=\"a b\"".to_owned()),
        ..Properties::default()
    };
    let url = bucket.presign(ODD, &content, Duration::from_secs(60)).await;
    let answer = download(&url.unwrap().unwrap()).await;
    assert_eq!(answer.body(), "abc");
    assert_eq!(answer.headers()[CONTENT_TYPE], "text/x-a");
    let disposition = &answer.headers()[CONTENT_DISPOSITION];
    assert_eq!(disposition, "attachment; filename=\"a b\"");
}

async fn download(url: &str) -> Response<Bytes> {
    let trust = Trust::Certificates {
        roots: RootCertStore::empty(),
        listed: Vec::new(),
    };
    let tls = config(trust, None).unwrap();
    let uri = url.parse().unwrap();
    let transport = Transport::new(&uri, &tls).unwrap();
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = uri;
    transport.call(request).await.unwrap()
}

#[tokio::test]
async fn wrong_keys_and_buckets_are_errors_with_the_servers_words() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let wrong = gateway.settings().keys("access", "wrong").open().unwrap();
    let error = put(&*wrong, "key", "a", When::Absent).await.unwrap_err();
    assert!(
        format!("{error:?}").contains("SignatureDoesNotMatch"),
        "{error:?}"
    );
    let error = wrong.list("", None).await.unwrap_err();
    assert!(
        format!("{error:?}").contains("SignatureDoesNotMatch"),
        "{error:?}"
    );
    let none = S3::new("none").endpoint(&gateway.address).without_tls();
    let none = none.keys("access", "secret").open().unwrap();
    let error = none.get("key", None).await.unwrap_err();
    assert!(matches!(error, ObjectError::Invalid(_)), "{error:?}");
}

#[tokio::test]
async fn a_certificate_has_to_be_trusted_unless_any_is_accepted() {
    let certificate = |root: &Path| {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (cert, key) = (root.join("cert.pem"), root.join("key.pem"));
        fs::write(&cert, made.cert.pem()).unwrap();
        fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
        vec![
            "--cert".to_owned(),
            text(cert),
            "--key".to_owned(),
            text(key),
        ]
    };
    let Some(gateway) = Gateway::start_with(certificate).await else {
        return;
    };
    let settings = S3::new("bucket").endpoint(&gateway.address);
    let settings = settings.keys("access", "secret");
    let trusting = settings.clone().accept_any_certificate().open().unwrap();
    put(&*trusting, "key", "a", When::Absent).await.unwrap();
    assert_eq!(text(&*trusting, "key").await, "a");
    assert_eq!(trusting.list("", None).await.unwrap().objects.len(), 1);
    let careful = settings.open().unwrap();
    let error = put(&*careful, "key", "a", When::Always).await.unwrap_err();
    assert!(format!("{error:?}").contains("certificate"), "{error:?}");
}

#[tokio::test]
async fn files_cannot_be_directories_and_the_error_says_so() {
    let Some(gateway) = Gateway::start().await else {
        return;
    };
    let bucket = &*gateway.bucket();
    put(bucket, "a", "a", When::Absent).await.unwrap();
    let below = put(bucket, "a/b", "b", When::Absent).await;
    assert!(matches!(below, Err(ObjectError::Invalid(_))), "{below:?}");
}
